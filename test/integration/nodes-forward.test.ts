/** Two controllers on one etcd, a node whose session is with the first: what is asked of the second gets to the node all the same. */
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import type { CommandSource } from '../../agent/tunnel.ts';
import { Peers } from '../../controller/nodes/peers.ts';
import type { LogRequest } from '../../controller/nodes/tunnels.ts';
import { badRequest, isApiError } from '../../proto/errors.ts';
import type { TunnelFrame } from '../../proto/node-service.ts';
import { issueCertificate } from '../../proto/process/tls.ts';
import { type AgentOptions, Changes, identityFor, type Plane, startAgent, startPlane } from '../fixtures/node-cluster.ts';

const peersOf = async (plane: Plane): Promise<Peers> => {
  const certificate = await issueCertificate(plane.authority, { commonName: 'berth-controller', ipAddresses: ['127.0.0.1'], usages: ['server', 'client'], days: 1 });
  return new Peers({ kv: plane.kv, tls: { caPem: plane.authority.certPem, ...certificate } });
};

const listening = { address: '127.0.0.1', port: 0 };

/** The first controller has the node's session; the second is asked. */
const startTwo = async (t: ExecutionContext, agentOptions: AgentOptions) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const [firstPeers, secondPeers] = [await peersOf(plane), await peersOf(plane)];
  await firstPeers.listen(listening);
  await secondPeers.listen(listening);
  const first = await plane.startServer(0, '127.0.0.1', firstPeers);
  const second = await plane.startServer(0, '127.0.0.1', secondPeers);
  plane.onStop(() => {
    for (const each of [first.server, second.server, firstPeers, secondPeers]) each.close();
  });
  const agent = await startAgent(plane, { ...agentOptions, endpoints: [`127.0.0.1:${first.port}`] });
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  return { plane, agent, first: first.server, second: second.server, secondPort: second.port, firstPeers };
};

const logRequest: LogRequest = { nodeName: 'node-1', namespace: 'default', podName: 'web', podUid: 'u', container: 'main', follow: true, previous: false, timestamps: false };
const execRequest = { type: 'exec' as const, nodeName: 'node-1', podName: 'web', podUid: 'u', container: 'main', command: ['cat'], stdin: true, stdout: true, stderr: true, tty: false };
const never = new AbortController().signal;

test('logs, usage and failures come through the other controller', async (t) => {
  const { first, second } = await startTwo(t, {
    logs: {
      log: async ({ container }) => {
        if (container === 'nosuch') throw badRequest('container nosuch is not valid for pod web');
        return (async function* () {
          for (let index = 0; index < 100; index += 1) yield Buffer.alloc(100_000, index);
        })();
      },
    },
    usage: { measure: async () => ({ timeMs: 1, windowMs: 2, node: { cpuNanoseconds: 3, cpuNanocores: 4, workingSetBytes: 5 }, containers: [] }) },
  });
  t.true(first.tunnels.holds('node-1'));
  t.false(second.tunnels.holds('node-1'));
  let bytes = 0;
  let isOrdered = true;
  for await (const chunk of await second.tunnels.log(logRequest, never)) {
    isOrdered &&= chunk[0] === Math.floor(bytes / 100_000);
    bytes += chunk.length;
  }
  t.is(bytes, 10_000_000);
  t.true(isOrdered);
  t.like(await second.tunnels.usage('node-1', never), { timeMs: 1, node: { workingSetBytes: 5 } });
  const refused = await t.throwsAsync(second.tunnels.log({ ...logRequest, container: 'nosuch' }, never));
  t.true(isApiError(refused, 'BadRequest'));
  const away = await t.throwsAsync(second.tunnels.log({ ...logRequest, nodeName: 'node-9' }, never));
  t.true(isApiError(away, 'ServiceUnavailable'));
});

test('a command takes its input and gives its output and exit code through the other controller; who leaves ends it', async (t) => {
  const closed = new Changes();
  let closes = 0;
  const commands: CommandSource = {
    run: async () => {
      const stdout = new PassThrough();
      const exit = Promise.withResolvers<number>();
      return {
        stdout,
        stderr: undefined,
        exit: exit.promise,
        write: (data, taken) => void stdout.write(data, () => taken()),
        endInput: () => {
          stdout.end();
          exit.resolve(7);
        },
        resize: () => undefined,
        close: async () => {
          closes += 1;
          stdout.destroy();
          exit.resolve(137);
          closed.poke();
        },
      };
    },
  };
  const { second } = await startTwo(t, { commands });
  const stream = await second.tunnels.converse(execRequest, never);
  let waitingBytes = 0;
  let sent = 0;
  const [total, window] = [4 * 2 ** 20, 256 * 1024];
  const feed = (): void => {
    for (; sent < total && waitingBytes < window; sent += 65_536, waitingBytes += 65_536) stream.send({ frame: 'data', data: Buffer.alloc(65_536, sent / 65_536) });
    if (sent === total && waitingBytes === 0) stream.send({ frame: 'stdinEnd', stdinEnd: true });
  };
  feed();
  const received: Buffer[] = [];
  let exitCode = -1;
  for await (const output of stream.output) {
    if (output.frame === 'data') received.push(output.data);
    else if (output.frame === 'exit') exitCode = output.exit;
    else if (output.frame === 'taken') {
      waitingBytes -= output.taken;
      feed();
    }
  }
  const all = Buffer.concat(received);
  t.is(all.length, total);
  t.true(Array.from({ length: 64 }, (_, at) => all[at * 65_536] === at && all[at * 65_536 + 65_535] === at).every(Boolean));
  t.is(exitCode, 7);
  await closed.until(() => closes === 1);
  const leave = new AbortController();
  await second.tunnels.converse(execRequest, leave.signal);
  leave.abort();
  await closed.until(() => closes === 2);
  t.pass();
});

test('only a controller may ask another', async (t) => {
  const { plane, firstPeers } = await startTwo(t, {});
  const asNode = new Peers({ kv: plane.kv, tls: await identityFor(plane, 'node-1') });
  t.teardown(() => asNode.close());
  t.truthy(firstPeers.address);
  const stream = await asNode.open('node-1', Buffer.from(JSON.stringify({ type: 'usage' })));
  const frames: TunnelFrame[] = [];
  const code = await new Promise<number | undefined>((resolve) => {
    stream?.on('data', (frame: TunnelFrame) => frames.push(frame));
    stream?.once('status', (status: { code: number }) => resolve(status.code));
  });
  t.is(code, 7, 'PERMISSION_DENIED');
  t.deepEqual(frames, []);
});

test('a node that moves to another controller is found there', async (t) => {
  const usage = { measure: async () => ({ timeMs: 1, windowMs: 2, node: { cpuNanoseconds: 3, cpuNanocores: 4, workingSetBytes: 5 }, containers: [] }) };
  const { plane, agent, first, second, secondPort } = await startTwo(t, { usage });
  await agent.stop();
  const moved = await startAgent(plane, { usage, endpoints: [`127.0.0.1:${secondPort}`] });
  await moved.welcomed.until(() => moved.welcomes.length > 0);
  t.true(second.tunnels.holds('node-1'));
  t.false(first.tunnels.holds('node-1'));
  t.like(await first.tunnels.usage('node-1', never), { timeMs: 1 });
});
