/** What is lost is taken over by the rest within seconds, and when it comes back there is no second of anything. Figures are printed; the bench `failover` holds them. */
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { Cri } from '../../agent/runtime/cri.ts';
import { containerdSocket } from '../../cli/local/containerd.ts';
import { paths } from '../../cli/local/settings.ts';
import { deploymentKind, endpointSliceKind, nodeKind, podKind, serviceKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { EndpointSlice, Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { eventually } from '../fixtures/eventually.ts';
import { momentOf, readyStatus, servingNodes } from '../fixtures/moments.ts';
import { deployment } from '../fixtures/workload.ts';

const test = anyTest.serial as TestFn<{ cluster: ClusterFixture; drains: { node: string } }>;
const app = 'web';
const replicas = 6;
const names = ['node-1', 'node-2', 'node-3'];
const waitMs = 90_000;
const selection = { namespace: 'default', labelSelector: `app=${app}` };
const slicesOfApp = { namespace: 'default', labelSelector: `kubernetes.io/service-name=${app}` };

test.before(async (t) => {
  const cluster = await startCluster({ nodes: 3 });
  t.context.cluster = cluster;
  t.context.drains = { node: '' };
  const image = await pushScript(cluster, 'web:1', 'trap "exit 0" TERM\nwhile :; do sleep 3600 & wait $!; done\n');
  const made = deployment(app, image, replicas, ['/bin/sh', '/run.sh']);
  const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: app }, spec: { selector: { app }, ports: [{ port: 80 }] } };
  await cluster.client.create(serviceKind, 'default', service);
  const spec = made.spec as NonNullable<typeof made.spec>;
  await cluster.client.create(deploymentKind, 'default', { ...made, spec: { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, terminationGracePeriodSeconds: 5 } } } });
  await momentOf<EndpointSlice>(cluster.client, endpointSliceKind, slicesOfApp, (slices) => servingNodes(slices).join() === names.join(), waitMs);
  await settled(cluster);
});

test.after.always(async (t) => t.context.cluster?.stop());

const isLeaving = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;
const isOn = (nodes: readonly string[]) => ({ spec }: Pod): boolean => nodes.includes(spec?.nodeName ?? '');
const serving = (pods: readonly Pod[], nodes = names): readonly Pod[] => pods.filter((pod) => isPodReady(pod) && !isLeaving(pod) && isOn(nodes)(pod));

const listPods = async ({ client }: ClusterFixture): Promise<readonly Pod[]> => (await client.list<Pod>(podKind, selection)).items;

const nodesAre = (cluster: ClusterFixture, status: string, ...nodes: readonly string[]): Promise<number> =>
  momentOf<Node>(cluster.client, nodeKind, {}, (all) => nodes.every((name) => all.some((node) => node.metadata.name === name && readyStatus(node) === status)), waitMs);

/** Every replica is ready, there is none too many, and the slices say the same. */
const settled = async (cluster: ClusterFixture): Promise<void> => {
  await momentOf<Pod>(cluster.client, podKind, selection, (pods) => pods.length === replicas && serving(pods).length === replicas, waitMs);
};

/** Which container runs where, for how long: equal before and after means that nothing was replaced or restarted. */
const runs = (pods: readonly Pod[]): string[] =>
  pods.map(({ metadata, spec, status }) => `${metadata.name} ${metadata.uid} ${spec?.nodeName} ${status?.podIP} ${status?.containerStatuses?.[0]?.containerID} ${status?.containerStatuses?.[0]?.restartCount}`).toSorted();

const socketOf = (cluster: ClusterFixture, node: string): string => containerdSocket(join(paths(cluster.dataDir).run, node));

interface Sandbox {
  readonly node: string;
  readonly name: string;
  readonly ip: string;
}

/** What really runs, whatever the API says. */
const sandboxes = async (cluster: ClusterFixture, nodes = names): Promise<readonly Sandbox[]> =>
  (await Promise.all(nodes.map(async (node) => {
    const cri = new Cri(socketOf(cluster, node), () => systemClock.nowMs());
    try {
      const { items } = await cri.call('ListPodSandbox', {});
      return await Promise.all(items.filter(({ state }) => state === 'SANDBOX_READY').map(async ({ id, metadata }) => {
        const { status } = await cri.call('PodSandboxStatus', { pod_sandbox_id: id });
        return { node, name: metadata.name, ip: status.network?.ip ?? '' };
      }));
    } finally {
      cri.close();
    }
  }))).flat();

/** The main process of each of the node's containers, by the container's id. */
const processes = (cluster: ClusterFixture, node: string): ReadonlyMap<string, number> =>
  new Map(execFileSync('ctr', ['--address', socketOf(cluster, node), '--namespace', 'k8s.io', 'tasks', 'ls'], { encoding: 'utf8' })
    .split('\n').slice(1).map((line) => line.trim().split(/\s+/)).filter((fields) => fields.length >= 3).map((fields) => [fields[0] ?? '', Number(fields[1])]));

const idOf = ({ status }: Pod): string => (status?.containerStatuses?.[0]?.containerID ?? '').replace('containerd://', '');

const nothingTwice = (t: ExecutionContext, found: readonly Sandbox[]): void => {
  t.is(new Set(found.map(({ name }) => name)).size, found.length, JSON.stringify(found));
  t.is(new Set(found.map(({ ip }) => ip)).size, found.length, JSON.stringify(found));
};

/** The nodes run what the API says and nothing else, and it stays so. */
const isStable = async (t: ExecutionContext, cluster: ClusterFixture): Promise<void> => {
  await settled(cluster);
  const before = await listPods(cluster);
  const wanted = before.map(({ metadata }) => metadata.name).toSorted();
  const found = await eventually('the superfluous ones have stopped', async () => {
    const all = await sandboxes(cluster);
    return all.length === replicas ? all : undefined;
  }, waitMs);
  nothingTwice(t, found);
  t.deepEqual(found.map(({ name }) => name).toSorted(), wanted);
  // Longer than anything waits that could still happen of it.
  await systemClock.sleep(3_000);
  t.deepEqual(runs(await listPods(cluster)), runs(before));
};

const setLink = (cluster: ClusterFixture, node: string, state: 'up' | 'down'): void => void execFileSync('ip', ['link', 'set', cluster.link(node), state]);

/** Takes a node away and prints when it was Unknown, out of the slices, and replaced: in seconds from the start of `lose`. */
const loseNode = async (t: ExecutionContext, cluster: ClusterFixture, node: string, lose: () => Promise<unknown> | void): Promise<void> => {
  const { client } = cluster;
  const others = names.filter((name) => name !== node);
  t.true(serving(await listPods(cluster), [node]).length > 0);
  const moments = Promise.all([
    nodesAre(cluster, 'Unknown', node),
    momentOf<EndpointSlice>(client, endpointSliceKind, slicesOfApp, (slices) => !servingNodes(slices).includes(node), waitMs),
    momentOf<Pod>(client, podKind, selection, (pods) => serving(pods, others).length === replicas, waitMs),
  ]);
  const startMs = systemClock.monotonicMs();
  await lose();
  const [unknownMs, outMs, replacedMs] = (await moments).map((ms) => ms - startMs) as [number, number, number];
  t.log(`${node}: Unknown after ${unknownMs.toFixed(0)} ms, out of the slices after ${outMs.toFixed(0)} ms, replaced after ${replacedMs.toFixed(0)} ms`);
  t.true(unknownMs < 20_000 && outMs < 20_000, `${unknownMs} ${outMs}`);
  t.true(replacedMs < 40_000, String(replacedMs));
};

test('a node without power is Unknown, its pods are out of the service and run elsewhere; it comes back to nothing of them', async (t) => {
  const { cluster } = t.context;
  const done = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await cluster.berth(...args, '--data-dir', cluster.dataDir);
    t.is(code, 0, stderr);
  };
  await loseNode(t, cluster, 'node-3', () => done('node', 'kill', 'node-3'));
  await done('node', 'start', 'node-3');
  await nodesAre(cluster, 'True', ...names);
  await isStable(t, cluster);
});

test('a node whose link was cut: its pods went on meanwhile, are superfluous when it is back, and nothing is there twice', async (t) => {
  const { cluster } = t.context;
  const node = 'node-2';
  const lost = serving(await listPods(cluster), [node]);
  const before = processes(cluster, node);
  await loseNode(t, cluster, node, () => setLink(cluster, node, 'down'));
  const meanwhile = processes(cluster, node);
  for (const pod of lost) t.is(meanwhile.get(idOf(pod)), before.get(idOf(pod)), `${pod.metadata.name} went on`);
  nothingTwice(t, await sandboxes(cluster));
  setLink(cluster, node, 'up');
  await nodesAre(cluster, 'True', ...names);
  await isStable(t, cluster);
  for (const pod of lost) t.false(processes(cluster, node).has(idOf(pod)), `${pod.metadata.name} has ended`);
});

test('all nodes are cut off at once: nobody loses a pod, and all is as before when they are back', async (t) => {
  const { cluster } = t.context;
  const before = runs(await listPods(cluster));
  for (const name of names) setLink(cluster, name, 'down');
  await nodesAre(cluster, 'Unknown', ...names);
  await momentOf<EndpointSlice>(cluster.client, endpointSliceKind, slicesOfApp, (slices) => servingNodes(slices).length === 0, waitMs);
  // Several times as long as a node that fails alone keeps its pods.
  await systemClock.sleep(5_000);
  t.deepEqual((await listPods(cluster)).filter(isLeaving), []);
  for (const name of names) setLink(cluster, name, 'up');
  await nodesAre(cluster, 'True', ...names);
  await settled(cluster);
  t.deepEqual(runs(await listPods(cluster)), before);
});

test('agent and containerd die together: nothing is restarted, and the node works again', async (t) => {
  const { cluster } = t.context;
  const [node = ''] = serving(await listPods(cluster)).map(({ spec }) => spec?.nodeName ?? '');
  const image = (await listPods(cluster))[0]?.spec?.containers[0]?.image ?? '';
  // For the next test: the agent that is started now reads it.
  appendFileSync(join(paths(cluster.dataDir).config, `${node}.yaml`), 'drainOnShutdown: true\n');
  t.context.drains.node = node;
  const runPod = async (name: string): Promise<Pod> => {
    const spec = { nodeName: node, terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image }] };
    await cluster.client.create<Pod>(podKind, 'default', { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
    await momentOf<Pod>(cluster.client, podKind, { namespace: 'default', fieldSelector: `metadata.name=${name}` }, (found) => found.some(isPodReady), waitMs);
    return cluster.client.get<Pod>(podKind, 'default', name);
  };
  const steady = await runPod('steady');
  const before = processes(cluster, node).get(idOf(steady));
  const others = runs(await listPods(cluster));
  const killed = ['agent', 'containerd'].map((program) => ({ program: `${node}-${program}`, pid: cluster.pid(`${node}-${program}`) }));
  for (const { pid } of killed) process.kill(pid, 'SIGKILL');
  for (const { program, pid } of killed) {
    await eventually(`${program} is back`, async () => (cluster.pid(program) !== pid && existsSync(`/proc/${cluster.pid(program)}`) ? true : undefined));
  }
  // The new agent is heard, and the new containerd runs pods.
  await runPod('probe');
  await nodesAre(cluster, 'True', ...names);
  t.deepEqual(runs([await cluster.client.get<Pod>(podKind, 'default', 'steady')]), runs([steady]));
  t.is(processes(cluster, node).get(idOf(steady)), before);
  t.deepEqual(runs(await listPods(cluster)), others, 'however long the agent took to start: its pods were left where they are');
  for (const name of ['steady', 'probe']) await cluster.client.delete(podKind, 'default', name);
  await settled(cluster);
});

test('an agent that is told to end and set to drain moves its work first; its node takes work again when it is back', async (t) => {
  const { cluster, drains: { node } } = t.context;
  const others = names.filter((name) => name !== node);
  const isCordoned = (all: readonly Node[]): boolean => all.some(({ metadata, spec }) => metadata.name === node && spec?.unschedulable === true);
  const cordoned = momentOf<Node>(cluster.client, nodeKind, {}, isCordoned, waitMs);
  const moved = momentOf<Pod>(cluster.client, podKind, selection, (pods) => serving(pods, others).length === replicas && !pods.some(isOn([node])), waitMs);
  const pid = cluster.pid(`${node}-agent`);
  process.kill(pid, 'SIGTERM');
  await Promise.all([cordoned, moved]);
  // It ended when that was done, was started again, and is back.
  await momentOf<Node>(cluster.client, nodeKind, {}, (all) => !isCordoned(all), waitMs);
  t.not(cluster.pid(`${node}-agent`), pid);
  await nodesAre(cluster, 'True', ...names);
  await isStable(t, cluster);
});
