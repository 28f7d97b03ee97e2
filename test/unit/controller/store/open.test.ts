import test from 'ava';
import type { KvWatch, KvWatchHandlers } from '../../../../controller/store/kv.ts';
import { openStore } from '../../../../controller/store/open.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { systemClock as clock } from '../../../../proto/process/clock.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { configMap } from '../../../fixtures/config-map.ts';
import { settle } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

test('who has just been elected waits until the cache shows what the leader before has written', async (t) => {
  const late = Promise.withResolvers<void>();
  class LateKv extends MemoryKv {
    override watch(prefix: string, fromRevision: number, handlers: KvWatchHandlers): KvWatch {
      return super.watch(prefix, fromRevision, { ...handlers, onEvents: (events) => void late.promise.then(() => handlers.onEvents(events)) });
    }
  }
  const kv = new LateKv();
  const store = await openStore({ kv, clock, log, random: seededRandom(1) });
  t.teardown(() => store.close());
  const key = '/berth/election/x';
  // The leader before, on another controller: its last write, and then its end.
  await kv.txn([{ key: '/berth/objects/core/configmaps/default/a', value: Buffer.from(JSON.stringify(configMap('a'))), expectedRevision: 0 }]);
  const { revision } = await kv.txn([{ key, value: Buffer.from('us'), expectedRevision: 0 }]);
  let isCaughtUp = false;
  const waiting = store.caughtUp({ key, createRevision: revision }, new AbortController().signal).then(() => (isCaughtUp = true));
  await settle();
  t.false(isCaughtUp);
  late.resolve();
  await waiting;
  t.truthy(store.reader.get(configMapKind, 'default/a'));
});

test('who is elected no more waits for nothing', async (t) => {
  const store = await openStore({ kv: new MemoryKv(), clock, log, random: seededRandom(1) });
  t.teardown(() => store.close());
  const lost = new AbortController();
  const waiting = store.caughtUp({ key: '/berth/election/x', createRevision: 1_000 }, lost.signal);
  lost.abort();
  await t.notThrowsAsync(waiting);
});
