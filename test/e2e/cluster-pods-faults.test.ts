/** Agents, containerd and controllers that die while pods come and go: nothing runs twice, restarts or stays behind. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { relistPeriodMs } from '../../agent/limits.ts';
import { cpuShares, cpuWeight } from '../../agent/runtime/resources.ts';
import { configMapKind, nodeKind, podKind } from '../../proto/kinds.ts';
import { seededRandom } from '../../proto/process/random.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { until } from '../fixtures/child.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, containerOf, forever, isReady, podOf, shell, waitsFor } from '../fixtures/cluster-pods.ts';
import { nodeTraces, shimSockets } from '../fixtures/cluster-traces.ts';

const test = anyTest.serial as TestFn;
const seed = Date.now() % 100_000;
const random = seededRandom(seed);
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;
let shared: string;
let before: ReturnType<typeof nodeTraces>;

test.before(async () => {
  cluster = await startCluster();
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  pods = await ClusterPods.open(cluster);
  shared = join(cluster.dataDir, 'shared');
  mkdirSync(shared);
  // The first pod makes what stays: the bridge, the image, the classes' cgroups.
  await pods.start(noting('warm-up'));
  await pods.delete('warm-up');
  await pods.untilGone('warm-up');
  before = nodeTraces(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await cluster?.stop();
});

/** Notes each start of its container where the test sees it. */
const noting = (name: string): Pod =>
  podOf(name, [shell(image, `echo $NAME >> /shared/starts; ${forever}`, {
    env: [{ name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
    volumeMounts: [{ name: 'shared', mountPath: '/shared' }, { name: 'own', mountPath: '/own' }],
  })], { volumes: [{ name: 'shared', hostPath: { path: shared } }, { name: 'own', emptyDir: { medium: 'Memory' } }], terminationGracePeriodSeconds: 1 });

const starts = (): Map<string, number> => {
  const counts = new Map<string, number>();
  const file = join(shared, 'starts');
  for (const name of existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
};

const noTraces = async (t: ExecutionContext): Promise<void> => {
  // What a killed program leaves behind is found when everything is listed the next times.
  const isClean = (): boolean => {
    try {
      return isDeepStrictEqual(nodeTraces(cluster), before);
    } catch {
      // A file went between being listed and being read.
      return false;
    }
  };
  await until('nothing is left', isClean, 2 * relistPeriodMs + 15_000).catch(() => undefined);
  t.deepEqual(nodeTraces(cluster), before);
};

/** A call that containerd lost with a killed agent is given up after two minutes, and the pod removed after that. */
const removalMs = 180_000;

const removeAll = async (): Promise<void> => {
  const names = [...pods.names];
  await Promise.all(names.map((name) => pods.delete(name).catch(() => undefined)));
  await Promise.all(names.map((name) => pods.untilGone(name, removalMs)));
};

const parentOf = (pid: number): number => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const killed = async (name: string): Promise<void> => {
  const pid = cluster.pid(name);
  process.kill(pid, 'SIGKILL');
  await until(`${name} is there again`, () => cluster.pid(name) !== pid && existsSync(`/proc/${cluster.pid(name)}`), 30_000);
};

/** Makes and deletes pods, some by force, until told to stop. */
const churn = async (prefix: string, stop: AbortSignal): Promise<string[]> => {
  const alive: string[] = [];
  for (let index = 0; !stop.aborted; index++) {
    const name = `${prefix}-${index}`;
    await pods.create(noting(name));
    alive.push(name);
    await sleep(50 + random.next() * 300);
    if (alive.length > 6) {
      const [victim = ''] = alive.splice(Math.floor(random.next() * alive.length), 1);
      await pods.delete(victim, random.next() < 0.2 ? 0 : undefined);
    }
  }
  return alive;
};

const churnUnderKills = async (t: ExecutionContext, name: string, kills: number): Promise<void> => {
  t.log(`seed ${seed}`);
  const stop = new AbortController();
  const churning = churn(name.replace('node-1-', ''), stop.signal);
  for (let kill = 0; kill < kills; kill++) {
    await sleep(200 + random.next() * 2_500);
    await killed(name);
  }
  stop.abort();
  const alive = await churning;
  await Promise.all(alive.map((one) => pods.until(one, isReady)));
  for (const one of alive) t.is(containerOf(pods.get(one))?.restartCount, 0, `${one} was restarted`);
};

test('sixty pods come and go without a trace', async (t) => {
  for (let round = 0; round < 3; round++) {
    const names = Array.from({ length: 20 }, (_, index) => `many-${round}-${index}`);
    await Promise.all(names.map((name) => pods.create(noting(name))));
    // A third is deleted before it runs.
    await Promise.all(names.map((name, index) => (index % 3 === 0 ? pods.delete(name, index % 2 === 0 ? 0 : undefined) : pods.until(name, isReady))));
    await removeAll();
  }
  await noTraces(t);
});

test('the agent is killed again and again while pods come and go: none runs twice, none is restarted, nothing is left', async (t) => {
  await churnUnderKills(t, 'node-1-agent', 5);
  t.deepEqual([...starts()].filter(([, count]) => count > 1), []);
  await removeAll();
  await noTraces(t);
});

test('containerd is killed while pods come and go: those that run go on, nothing is left', async (t) => {
  const steady = await pods.start(noting('steady'));
  const pid = pods.pid('steady');
  await churnUnderKills(t, 'node-1-containerd', 3);
  t.is(pods.pid('steady'), pid);
  t.is(containerOf(pods.get('steady'))?.containerID, containerOf(steady)?.containerID);
  await removeAll();
  await noTraces(t);
});

test('a container starts in a pod whose shim did not answer for a while, as it does while it creates another one', async (t) => {
  const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'late', key: 'x' } } }];
  await pods.create(podOf('slow-shim', [shell(image, forever), shell(image, forever, { name: 'other', env })]));
  await pods.until('slow-shim', (pod) => containerOf(pod)?.state?.running !== undefined && waitsFor('CreateContainerConfigError', 'other')(pod));
  const shim = parentOf(pods.pid('slow-shim'));
  process.kill(shim, 'SIGSTOP');
  try {
    await cluster.client.create(configMapKind, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'late' }, data: { x: '1' } });
    // Twice what containerd waits for a shim when nobody tells it otherwise.
    await sleep(4_000);
  } finally {
    process.kill(shim, 'SIGCONT');
  }
  const pod = await pods.until('slow-shim', isReady);
  t.deepEqual(pod.status?.containerStatuses?.map(({ name, restartCount }) => [name, restartCount]), [['main', 0], ['other', 0]]);
  await pods.delete('slow-shim');
  await pods.untilGone('slow-shim');
});

const asking = (name: string, cpu: string): Pod => {
  const pod = noting(name);
  return { ...pod, spec: { ...pod.spec, containers: (pod.spec?.containers ?? []).map((container) => ({ ...container, resources: { requests: { cpu } } })) } };
};

test('an agent that is told to end leaves its containers running, and the next knows what they ask for', async (t) => {
  await pods.start(asking('left', '250m'));
  const burstableShares = (): string => pods.cgroup('left', 'cpu', 'cpu.shares', 'cpu.weight', 'class');
  const isV1 = existsSync('/sys/fs/cgroup/cpu');
  const sharesOf = (milli: number): string => String(isV1 ? cpuShares(milli) : cpuWeight(cpuShares(milli)));
  t.is(burstableShares(), sharesOf(250));
  const pid = pods.pid('left');
  const agent = cluster.pid('node-1-agent');
  process.kill(agent, 'SIGTERM');
  await until('another agent is there', () => cluster.pid('node-1-agent') !== agent && existsSync(`/proc/${cluster.pid('node-1-agent')}`), 20_000);
  await pods.start(asking('afterwards', '500m'));
  t.is(pods.pid('left'), pid);
  t.is(containerOf(pods.get('left'))?.restartCount, 0);
  t.is(burstableShares(), sharesOf(750));
  const { spec = { containers: [] }, ...rest } = asking('over', '500m');
  await pods.start({ ...rest, spec: { ...spec, restartPolicy: 'Never' } });
  t.is(burstableShares(), sharesOf(1250));
  process.kill(pods.pid('over'), 'SIGKILL');
  await until('a pod that is over asks for nothing', () => burstableShares() === sharesOf(750), 30_000);
  t.is(pods.get('over')?.status?.phase, 'Failed');
  await pods.delete('afterwards');
  await pods.untilGone('afterwards');
  t.is(burstableShares(), sharesOf(250));
});

test('with no controller for 10 s the node heals by itself; then the API says so, and nobody was called dead', async (t) => {
  await Promise.all(['healed', 'ended', 'kept'].map((name) => pods.start({ ...noting(name), spec: { ...noting(name).spec, containers: noting(name).spec?.containers ?? [], restartPolicy: name === 'ended' ? 'Never' : 'Always' } })));
  const [victim, ended, kept] = [pods.pid('healed'), pods.pid('ended'), pods.pid('kept')];
  const controller = cluster.pid('controller');
  const supervisor = parentOf(controller);
  let killedMs = Infinity;
  process.kill(supervisor, 'SIGSTOP');
  try {
    process.kill(controller, 'SIGKILL');
    killedMs = Date.now();
    await sleep(1_000);
    process.kill(victim, 'SIGKILL');
    process.kill(ended, 'SIGKILL');
    await until('the container runs again', () => starts().get('healed') === 2, 30_000);
    // Far longer than the node's lease holds.
    await sleep(9_000);
  } finally {
    process.kill(supervisor, 'SIGCONT');
  }
  await until('the API answers', async () => (await cluster.client.get<Pod>(podKind, 'default', 'kept').catch(() => undefined)) !== undefined, 20_000);
  const beganMs = Date.now();
  const healed = await pods.until('healed', (pod) => containerOf(pod)?.restartCount === 1 && isReady(pod));
  t.log(`status right ${Date.now() - beganMs} ms after the API was back`);
  t.is(containerOf(healed)?.lastState?.terminated?.exitCode, 137);
  t.is((await pods.until('ended', (pod) => pod.status?.phase === 'Failed')).status?.phase, 'Failed');
  // Longer than a node may take to come back.
  await sleep(7_000);
  const node = await cluster.client.get<Node>(nodeKind, undefined, 'node-1');
  t.is(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
  t.deepEqual(node.spec?.taints ?? [], []);
  t.is(pods.pid('kept'), kept);
  t.true(pods.history('kept').every(({ pod }, index, all) => isReady(pod) || !all.slice(0, index).some((earlier) => isReady(earlier.pod))), 'a pod that ran on was called unready');
  const { items } = await cluster.client.json<{ items: { reason: string; lastTimestamp: string }[] }>('GET', '/api/v1/namespaces/default/events');
  t.deepEqual(items.filter(({ reason, lastTimestamp }) => reason === 'NodeNotReady' && Date.parse(lastTimestamp) > killedMs), []);
});

test('down leaves nothing of the node behind', async (t) => {
  const sockets = shimSockets(cluster);
  t.true(sockets.length > 0);
  await pods.close().catch(() => undefined);
  await cluster.stop();
  t.deepEqual(sockets.filter((socket) => existsSync(socket)), []);
  t.false(existsSync(cluster.dataDir));
});
