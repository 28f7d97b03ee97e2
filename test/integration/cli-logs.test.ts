/** `berth logs` against a real API server whose nodes are played by the test: which logs are asked for, and how they are shown. */
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import type { LogRequest, Tunnels } from '../../controller/nodes/tunnels.ts';
import { badRequest } from '../../proto/errors.ts';
import { noTunnels, startApi, type ApiFixture } from '../fixtures/api-server.ts';
import { type BerthFixture, berthFor } from '../fixtures/berth.ts';

interface Shared {
  fixture: ApiFixture;
  berth: BerthFixture;
  requests: LogRequest[];
  teardowns: (() => unknown)[];
}

const test = anyTest as TestFn<Shared>;

/** A container's log says where it is from; one that is followed goes on until the reader leaves. */
async function* logOf(request: LogRequest, signal: AbortSignal): AsyncGenerator<Buffer> {
  yield Buffer.from(`${request.container} of ${request.podName}`);
  yield Buffer.from(' speaks\nand ends\n');
  if (request.follow) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

test.before(async (t) => {
  const teardowns: (() => unknown)[] = [];
  const requests: LogRequest[] = [];
  const tunnels: Tunnels = {
    ...noTunnels,
    log: async (request, signal) => {
      requests.push(request);
      if (request.previous) throw badRequest(`previous terminated container "${request.container}" in pod "${request.podName}" not found`);
      return logOf(request, signal);
    },
  };
  const owner = { teardown: (step: () => unknown) => teardowns.unshift(step) } as unknown as ExecutionContext;
  t.context.teardowns = teardowns;
  const fixture = await startApi(owner, { tunnels });
  Object.assign(t.context, { fixture, requests, berth: berthFor(fixture.dir, fixture.kubeconfigPath) });
});

test.after.always(async (t) => {
  for (const step of t.context.teardowns) await step();
});

/** A pod that runs, as its node would report it. */
const runPod = async (fixture: ApiFixture, name: string, app: string, containers: readonly string[]): Promise<void> => {
  const spec = { nodeName: 'node-1', containers: containers.map((container) => ({ name: container, image: 'x' })) };
  const created = await fixture.request('POST', '/api/v1/namespaces/default/pods', { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app } }, spec } });
  if (created.status !== 201) throw new Error(created.text);
  const containerStatuses = containers.map((container) => ({ name: container, image: 'x', imageID: '', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }));
  const reported = await fixture.request('PATCH', `/api/v1/namespaces/default/pods/${name}/status`, {
    body: { status: { phase: 'Running', containerStatuses } }, headers: { 'content-type': 'application/merge-patch+json' },
  });
  if (reported.status !== 200) throw new Error(reported.text);
};

test('the log of a pod is passed on as it is', async (t) => {
  const { berth, fixture, requests } = t.context;
  await runPod(fixture, 'single', 'single', ['web']);
  const output = await berth(['logs', 'single', '--tail', '5', '--since', '2m', '--timestamps', '--limit-bytes', '99']);
  t.deepEqual(output, { code: 0, stdout: 'web of single speaks\nand ends\n', stderr: '' });
  t.like(requests.find(({ podName }) => podName === 'single'), { container: 'web', tailLines: 5, sinceSeconds: 120, timestamps: true, limitBytes: 99, follow: false });
});

test('of several containers the first is shown, and that is said', async (t) => {
  const { berth, fixture } = t.context;
  await runPod(fixture, 'double', 'double', ['web', 'side']);
  t.deepEqual(await berth(['logs', 'pod/double']), { code: 0, stdout: 'web of double speaks\nand ends\n', stderr: 'Defaulted container "web" out of: web, side\n' });
  t.is((await berth(['logs', 'double', 'side'])).stdout, 'side of double speaks\nand ends\n');
  t.is((await berth(['logs', 'double', '--all-containers'])).stdout, [
    '[pod/double/web] web of double speaks', '[pod/double/web] and ends', '[pod/double/side] side of double speaks', '[pod/double/side] and ends', '',
  ].join('\n'));
  const missing = await berth(['logs', 'double', '-c', 'none']);
  t.deepEqual([missing.code, missing.stderr], [1, 'error: pod "double" has no container "none"; it has: web, side\n']);
});

test('what the node refuses is told', async (t) => {
  const { berth, fixture } = t.context;
  await runPod(fixture, 'fresh', 'fresh', ['web']);
  const output = await berth(['logs', 'fresh', '--previous']);
  t.deepEqual([output.code, output.stderr], [1, 'error: previous terminated container "web" in pod "fresh" not found\n']);
});

test.serial('with -f the pods of a Deployment are followed, those that come later too, until Ctrl-C', async (t) => {
  const { berth, fixture } = t.context;
  const labels = { app: 'many' };
  const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'many' }, spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'x' }] } } } };
  t.is((await fixture.request('POST', '/apis/apps/v1/namespaces/default/deployments', { body })).status, 201);
  await runPod(fixture, 'many-1', 'many', ['web']);
  const running = berth.start(['logs', 'deployment/many', '-f']);
  await running.printed(/\[pod\/many-1\/web\] and ends/);
  await runPod(fixture, 'many-2', 'many', ['web']);
  await running.printed(/\[pod\/many-2\/web\] web of many-2 speaks\n\[pod\/many-2\/web\] and ends/);
  running.child.kill('SIGINT');
  const { code, stderr } = await running.done;
  t.deepEqual([code, stderr], [130, '']);
});

test('pods that nobody has are told', async (t) => {
  const output = await t.context.berth(['logs', '-l', 'app=nobody']);
  t.deepEqual([output.code, output.stderr], [1, 'error: there are no pods with app=nobody in namespace "default"\n']);
});
