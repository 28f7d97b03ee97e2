/** What a watch does for a client that has gone. */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { renderingFor } from '../../../../controller/api/rendering.ts';
import { selectionOf } from '../../../../controller/api/selection.ts';
import { WatchStream } from '../../../../controller/api/watch-stream.ts';
import { openStore } from '../../../../controller/store/open.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { systemClock } from '../../../../proto/process/clock.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { configMap } from '../../../fixtures/config-map.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

/** An answer whose client takes nothing, and the connection beneath. */
const answerToNobody = (): { response: ServerResponse; connection: Duplex } => {
  const connection = new Duplex({ read: () => undefined, write: () => undefined });
  const response = new ServerResponse(new IncomingMessage(connection as Socket));
  response.on('error', () => undefined);
  response.assignSocket(connection as Socket);
  return { response, connection };
};

const watchOf = async (t: ExecutionContext, response: ServerResponse): Promise<WatchStream> => {
  const store = await openStore({ kv: new MemoryKv(), clock: systemClock, log, random: seededRandom(1) });
  t.teardown(() => store.close());
  // More than are sent at once, and more than the connection buffers.
  await Promise.all(Array.from({ length: 600 }, (_, at) => store.writer.create(configMapKind, configMap(`m${at}`, { at: 'x'.repeat(200) }))));
  const options = {
    selection: selectionOf(configMapKind, undefined, new URLSearchParams()),
    rendering: renderingFor('object', configMapKind, 'Metadata', () => 0),
    revision: undefined, marksInitialEnd: true, bookmarks: true, lifetimeMs: 3_600_000,
  };
  return new WatchStream(store.reader, new ManualClock(), options, response);
};

const gone = (response: ServerResponse): Promise<void> => new Promise((resolve) => response.once('close', () => resolve()));

test('a watch whose client leaves in the middle of the objects that there are has ended', async (t) => {
  const { response, connection } = answerToNobody();
  const watch = await watchOf(t, response);
  const running = watch.run();
  await settle();
  t.true(response.writableNeedDrain, 'it waits for the client');
  connection.destroy();
  await running;
  t.pass();
});

test('a watch whose client has left before it begins ends at once', async (t) => {
  const { response, connection } = answerToNobody();
  const watch = await watchOf(t, response);
  const closed = gone(response);
  connection.destroy();
  await closed;
  await watch.run();
  t.false(response.headersSent);
});
