import { randomUUID } from 'node:crypto';
import anyTest, { type TestFn } from 'ava';
import { restartBackOffMinMs } from '../../agent/limits.ts';
import type { Container, Pod, PodSpec } from '../../proto/resources/kubernetes.ts';
import { run } from '../fixtures/child.ts';
import { type ContainerdFixture, startContainerd } from '../fixtures/containerd.ts';
import { isReadyReport, RealNode } from '../fixtures/real-node.ts';

const test = anyTest.serial as TestFn;
let containerd: ContainerdFixture;
let node: RealNode;

test.before(async () => {
  containerd = await startContainerd();
  node = new RealNode(containerd);
  await node.start();
});

test.after.always(async () => {
  node?.close();
  await containerd?.stop();
});

/** A shell that ends at once when it is told to. */
const shell = (script: string, more: Partial<Container> = {}): Container => ({
  name: 'app',
  image: containerd.busybox,
  imagePullPolicy: 'IfNotPresent',
  command: ['sh', '-c', `trap 'exit 0' TERM; ${script}`],
  ...more,
});

const forever = 'while :; do sleep 1 & wait $!; done';

const makePod = (name: string, spec: Partial<PodSpec>): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid: randomUUID() },
  spec: { containers: [shell(forever)], terminationGracePeriodSeconds: 5, ...spec },
  status: { phase: 'Pending' },
});

const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';

const deletion = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: pod.spec?.terminationGracePeriodSeconds ?? 5 },
});

const remove = async (pod: Pod): Promise<void> => {
  node.pods.upsert(deletion(pod));
  await node.until(uidOf(pod), (report) => report.gone);
  node.pods.remove(uidOf(pod));
};

const idOf = (pod: Pod): string => node.status(uidOf(pod))?.containerStatuses?.[0]?.containerID?.replace('containerd://', '') ?? '';

const sigkill = (id: string): Promise<string> => run('ctr', ['--address', containerd.socket, '-n', 'k8s.io', 'task', 'kill', '-s', 'SIGKILL', id]);

test('a pod runs, serves over HTTP, becomes ready by its probe, and goes without a trace', async (t) => {
  const web = shell('mkdir -p /www; echo hello > /www/index.html; httpd -p 8080 -h /www; ' + forever, {
    ports: [{ name: 'web', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/index.html', port: 'web' }, periodSeconds: 5 },
  });
  const pod = makePod('web', { containers: [web] });
  node.pods.upsert(pod);
  const { status } = await node.until(uidOf(pod), isReadyReport);
  t.is(status.phase, 'Running');
  t.is(status.containerStatuses?.[0]?.image, containerd.busybox);
  t.regex(status.podIP ?? '', /^10\./);
  await remove(pod);
  t.is(await node.runtime.observePod(uidOf(pod)), undefined);
  t.deepEqual(await node.runtime.podsOnDisk(), []);
});

test('a killed process is replaced at once, without a back-off, and its exit is told', async (t) => {
  const pod = makePod('heal', {});
  node.pods.upsert(pod);
  await node.until(uidOf(pod), isReadyReport);
  const before = idOf(pod);
  await sigkill(before);
  const { status } = await node.until(uidOf(pod), (report) => report.status.containerStatuses?.[0]?.restartCount === 1 && isReadyReport(report));
  const container = status.containerStatuses?.[0];
  t.is(container?.lastState?.terminated?.exitCode, 137);
  t.is(container?.lastState?.terminated?.containerID, `containerd://${before}`);
  const observed = await node.runtime.observePod(uidOf(pod));
  const [fresh, dead] = observed?.containers ?? [];
  const tookMs = (fresh?.startedAtMs ?? Infinity) - (dead?.finishedAtMs ?? 0);
  t.log(`replaced after ${tookMs} ms`);
  // A back-off would be ten seconds. How fast it really is, the benches tell: a busy machine needs a few.
  t.true(tookMs < restartBackOffMinMs, `${tookMs} ms`);
  await remove(pod);
});

test('an agent that is started again, and a containerd that is, disturb no pod', async (t) => {
  const pod = makePod('calm', {});
  node.pods.upsert(pod);
  await node.until(uidOf(pod), isReadyReport);
  const id = idOf(pod);
  const known = node.latest(pod);
  node.close();
  node = new RealNode(containerd);
  await node.start([known]);
  await containerd.restart();
  await sigkill(id);
  const { status } = await node.until(uidOf(pod), (report) => isReadyReport(report) && report.status.containerStatuses?.[0]?.restartCount === 1);
  t.is(status.containerStatuses?.[0]?.lastState?.terminated?.containerID, `containerd://${id}`);
  const restarts = node.reports.map((report) => report.status.containerStatuses?.[0]?.restartCount);
  t.true(restarts.every((count) => count === 1 || count === 0));
  await remove(pod);
});

test('init containers, a sidecar and a pod that ends', async (t) => {
  const pod = makePod('job', {
    restartPolicy: 'Never',
    volumes: [{ name: 'shared', emptyDir: {} }],
    initContainers: [
      shell('echo first > /shared/order', { name: 'first', volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }),
      shell(`echo proxy >> /shared/order; ${forever}`, {
        name: 'proxy',
        restartPolicy: 'Always',
        volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
        startupProbe: { exec: { command: ['grep', 'proxy', '/shared/order'] }, periodSeconds: 1 },
      }),
    ],
    containers: [
      shell('cat /shared/order > /dev/termination-log; exit 7', { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }),
    ],
  });
  node.pods.upsert(pod);
  const { status } = await node.until(uidOf(pod), (report) => report.status.phase === 'Failed');
  const app = status.containerStatuses?.[0]?.state?.terminated;
  t.is(app?.exitCode, 7);
  t.is(app?.reason, 'Error');
  t.is(app?.message, 'first\nproxy\n');
  t.truthy(status.initContainerStatuses?.[1]?.state?.terminated);
  await remove(pod);
});

test('an image that does not exist backs off and says why', async (t) => {
  const pod = makePod('missing', { containers: [shell(forever, { image: `${containerd.registry}/nothing:1` })] });
  node.pods.upsert(pod);
  const { status } = await node.until(uidOf(pod), (report) => report.status.containerStatuses?.[0]?.state?.waiting?.reason === 'ImagePullBackOff');
  t.is(status.phase, 'Pending');
  t.true(node.events.some((event) => event.reason === 'Failed' && event.message.startsWith('Failed to pull image')));
  await remove(pod);
});

test('pods that no list names are removed', async (t) => {
  const pod = makePod('orphan', {});
  node.pods.upsert(pod);
  await node.until(uidOf(pod), isReadyReport);
  node.close();
  node = new RealNode(containerd);
  const last = makePod('witness', {});
  await node.start([last]);
  await node.until(uidOf(last), isReadyReport);
  await remove(last);
  for (;;) {
    if ((await node.runtime.podsOnDisk()).length === 0 && (await node.runtime.observe()).size === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.is((await node.runtime.observe()).size, 0);
});
