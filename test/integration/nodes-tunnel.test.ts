import test from 'ava';
import type { LogSource } from '../../agent/tunnel.ts';
import type { LogRequest } from '../../controller/nodes/tunnels.ts';
import { badRequest, isApiError } from '../../proto/errors.ts';
import { Changes, startAgent, startPlane } from '../fixtures/node-cluster.ts';

const request: LogRequest = { nodeName: 'node-1', namespace: 'default', podName: 'web', podUid: 'u', container: 'main', follow: true, previous: false, timestamps: false, tailLines: 5 };

const connected = async (logs: LogSource) => {
  const plane = await startPlane();
  const agent = await startAgent(plane, { logs });
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  return { plane, agent };
};

test('a log comes through the node\'s session whole and in order, the request as it was asked', async (t) => {
  let asked: unknown;
  const { plane } = await connected({
    log: async (query) => {
      asked = query;
      return (async function* () {
        for (let index = 0; index < 100; index += 1) yield Buffer.alloc(100_000, index % 256);
      })();
    },
  });
  t.teardown(() => plane.stop());
  let bytes = 0;
  let ordered = true;
  for await (const chunk of await plane.server.tunnels.log(request, new AbortController().signal)) {
    ordered &&= chunk[0] === Math.floor(bytes / 100_000) % 256;
    bytes += chunk.length;
  }
  t.is(bytes, 10_000_000);
  t.true(ordered);
  t.like(asked, { podUid: 'u', container: 'main', tailLines: 5, follow: true });
});

test('a reader that does not read holds the source back', async (t) => {
  let produced = 0;
  const { plane } = await connected({
    log: async () =>
      (async function* () {
        for (; produced < 1_000; produced += 1) yield Buffer.alloc(64 * 1024);
      })(),
  });
  t.teardown(() => plane.stop());
  const frames = (await plane.server.tunnels.log(request, new AbortController().signal))[Symbol.asyncIterator]();
  await frames.next();
  // The source stands still once every buffer on the way is full.
  let before = -1;
  while (before !== produced) {
    before = produced;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.log(`${produced} of 1000 pieces were produced`);
  t.true(produced < 400);
  let count = 1;
  while (!(await frames.next()).done) count += 1;
  t.is(count, 1_000);
});

test('a reader that leaves ends the source, and a source that fails says why', async (t) => {
  const ended = new Changes();
  let aborted = false;
  const { plane } = await connected({
    log: async (query, signal) => {
      if (query.container === 'nosuch') throw badRequest('container nosuch is not valid for pod web');
      return (async function* () {
        yield Buffer.from('line');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        aborted = true;
        ended.poke();
      })();
    },
  });
  t.teardown(() => plane.stop());
  const leave = new AbortController();
  const frames = (await plane.server.tunnels.log(request, leave.signal))[Symbol.asyncIterator]();
  t.is(String((await frames.next()).value), 'line');
  leave.abort();
  await ended.until(() => aborted);

  const refused = await t.throwsAsync(plane.server.tunnels.log({ ...request, container: 'nosuch' }, new AbortController().signal));
  t.true(isApiError(refused, 'BadRequest'));
  t.regex(refused.message, /nosuch is not valid/);
  const away = await t.throwsAsync(plane.server.tunnels.log({ ...request, nodeName: 'node-9' }, new AbortController().signal));
  t.true(isApiError(away, 'ServiceUnavailable'));
});

test('a node that goes away ends its tunnels', async (t) => {
  const { plane, agent } = await connected({
    log: async (_query, signal) =>
      (async function* () {
        yield Buffer.from('line');
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      })(),
  });
  t.teardown(() => plane.stop());
  const frames = (await plane.server.tunnels.log(request, new AbortController().signal))[Symbol.asyncIterator]();
  await frames.next();
  await agent.stop();
  const end = await frames.next().then(({ done }) => (done ? 'ended' : 'more'), () => 'broken');
  t.not(end, 'more');
});
