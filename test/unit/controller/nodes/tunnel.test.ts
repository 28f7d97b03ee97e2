/** Tunnels whose other end does not do what it should; whole ones are in integration/nodes-tunnel and nodes-forward. */
import { Duplex } from 'node:stream';
import test from 'ava';
import type { Peers } from '../../../../controller/nodes/peers.ts';
import { NodeTunnels, type TunnelSessions } from '../../../../controller/nodes/tunnel.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { toJsonBytes, type TunnelFrame } from '../../../../proto/node-service.ts';
import { systemRandom as random } from '../../../../proto/process/random.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

/** A call to another controller, whose frames the test makes. */
const callOf = (): { stream: Duplex; say: (...frames: TunnelFrame[]) => void } => {
  const stream = new Duplex({ objectMode: true, read: () => undefined, write: (_frame, _encoding, done) => done() });
  stream.on('error', () => undefined);
  return { stream, say: (...frames) => frames.forEach((frame) => stream.push(frame)) };
};

const tunnelsTo = (open: () => Promise<Duplex>): NodeTunnels => {
  const sessions: TunnelSessions = { holds: () => false, openTunnel: () => false };
  return new NodeTunnels({ sessions, peers: { open } as unknown as Peers, clock: new ManualClock(), random });
};

const accepted: TunnelFrame = { frame: 'accepted', accepted: true };
const closed = (stream: Duplex): Promise<void> => new Promise((resolve) => (stream.closed ? resolve() : stream.once('close', () => resolve())));

test('a tunnel is left whose client has gone while it was found out who has the node', async (t) => {
  const { stream, say } = callOf();
  const asked = Promise.withResolvers<Duplex>();
  const gone = new AbortController();
  const converse = tunnelsTo(() => asked.promise).converse({ type: 'portForward', nodeName: 'n', podName: 'p', podUid: 'u' }, gone.signal);
  gone.abort(new Error('gone'));
  asked.resolve(stream);
  say(accepted);
  await t.throwsAsync(converse, { message: 'gone' });
  await closed(stream);
  t.true(stream.writableFinished);
});

test('a tunnel that the node refuses is closed, so that the connection that it went through can be', async (t) => {
  const { stream, say } = callOf();
  const usage = tunnelsTo(async () => stream).usage('n', new AbortController().signal);
  say({ frame: 'failure', failure: toJsonBytes({ reason: 'BadRequest', message: 'no' }) });
  t.true(isApiError(await t.throwsAsync(usage), 'BadRequest'));
  stream.push(null);
  await closed(stream);
  t.true(stream.writableFinished);
});

for (const [how, end] of [
  ['breaks', (stream: Duplex) => void stream.destroy(new Error('reset'))],
  ['ends before all was said', (stream: Duplex) => void stream.push(null)],
] as const) {
  test(`a node whose answer ${how} is one that cannot say what it uses`, async (t) => {
    const { stream, say } = callOf();
    const usage = tunnelsTo(async () => stream).usage('n', new AbortController().signal);
    say(accepted, { frame: 'data', data: Buffer.from('{"node":') });
    await settle();
    end(stream);
    const error = await t.throwsAsync(usage);
    t.true(isApiError(error, 'ServiceUnavailable'), String(error));
  });
}
