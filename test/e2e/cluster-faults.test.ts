/** Any part may be killed at any time: what runs goes on, nothing acknowledged is lost, and work goes on afterwards. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { configMapKind, deploymentKind, nodeKind, podKind } from '../../proto/kinds.ts';
import type { ConfigMap, Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { hostTraces } from '../fixtures/cluster-traces.ts';
import { eventually } from '../fixtures/eventually.ts';
import { allReady, deployment, watchPods } from '../fixtures/workload.ts';

interface Context {
  cluster: ClusterFixture;
  image: string;
}

const test = anyTest as TestFn<Context>;
const replicas = 3;
const name = 'steady';

test.before(async (t) => {
  const cluster = await startCluster();
  t.context.cluster = cluster;
  t.context.image = await pushScript(cluster, 'steady:1', 'exec sleep 3600\n');
  await cluster.client.create(deploymentKind, 'default', deployment(name, t.context.image, replicas));
  const watch = await watchPods(cluster.client, name);
  await watch.until(allReady(replicas));
  await watch.close();
});

test.after.always(async (t) => t.context.cluster?.stop());

const listPods = async (cluster: ClusterFixture): Promise<readonly Pod[]> =>
  (await cluster.client.list<Pod>(podKind, { namespace: 'default', labelSelector: `app=${name}` })).items;

/** Which container runs where since when: equal before and after means that nothing was restarted. */
const runs = (pods: readonly Pod[]): string[] =>
  pods.map((pod) => {
    const [status] = pod.status?.containerStatuses ?? [];
    return `${pod.metadata.name} ${status?.containerID} ${status?.restartCount} ${status?.state?.running?.startedAt}`;
  }).toSorted();

const mainProcesses = (cluster: ClusterFixture): Map<string, number> =>
  new Map(
    execFileSync('ctr', ['--address', cluster.containerdSocket, '--namespace', 'k8s.io', 'tasks', 'ls'], { encoding: 'utf8' })
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields.length >= 3)
      .map((fields) => [fields[0] ?? '', Number(fields[1])]),
  );

const idOf = (pod: Pod): string => (pod.status?.containerStatuses?.[0]?.containerID ?? '').replace('containerd://', '');

const killAndAwait = async (cluster: ClusterFixture, process_: string): Promise<void> => {
  const before = cluster.pid(process_);
  process.kill(before, 'SIGKILL');
  await eventually(`${process_} came back`, async () => {
    const now = cluster.pid(process_);
    return now !== before && existsSync(`/proc/${now}`) ? now : undefined;
  });
};

/** The whole chain works: a write is taken, scheduled, run and reported. */
const worksAgain = async (t: ExecutionContext<Context>, probe: string): Promise<void> => {
  const { cluster, image } = t.context;
  await eventually(`${probe} was accepted`, () => cluster.client.create(deploymentKind, 'default', deployment(probe, image, 1)));
  const watch = await eventually('a watch', () => watchPods(cluster.client, probe));
  await watch.until(allReady(1), 60_000);
  await watch.close();
  await cluster.client.delete(deploymentKind, 'default', probe, { body: { propagationPolicy: 'Background' } });
};

const undisturbed = async (t: ExecutionContext<Context>, before: readonly string[], processes: Map<string, number>): Promise<void> => {
  const { cluster } = t.context;
  const after = await eventually('the pods are listed', () => listPods(cluster));
  t.deepEqual(runs(after), [...before]);
  t.true(after.every(isPodReady));
  const now = mainProcesses(cluster);
  for (const pod of after) t.is(now.get(idOf(pod)), processes.get(idOf(pod)), `${pod.metadata.name} has another process`);
};

test.serial('a killed container is replaced in its pod', async (t) => {
  const { cluster } = t.context;
  const [victim] = await listPods(cluster);
  const watch = await watchPods(cluster.client, name);
  process.kill(mainProcesses(cluster).get(idOf(victim as Pod)) ?? 0, 'SIGKILL');
  await watch.until((pods) => pods.some((pod) => pod.metadata.uid === victim?.metadata.uid && pod.status?.containerStatuses?.[0]?.restartCount === 1 && isPodReady(pod)), 10_000);
  const healed = [...watch.pods.values()].find((pod) => pod.metadata.uid === victim?.metadata.uid);
  t.is(healed?.status?.containerStatuses?.[0]?.lastState?.terminated?.exitCode, 137);
  t.is(watch.pods.size, replicas);
  await watch.close();
});

test.serial('the agent dies: pods go on with the same processes', async (t) => {
  const { cluster } = t.context;
  const [before, processes] = [runs(await listPods(cluster)), mainProcesses(cluster)];
  await killAndAwait(cluster, 'node-1-agent');
  await worksAgain(t, 'after-agent');
  await undisturbed(t, before, processes);
});

test.serial('the controller dies: pods go on, acknowledged writes are there', async (t) => {
  const { cluster } = t.context;
  const [before, processes] = [runs(await listPods(cluster)), mainProcesses(cluster)];
  await cluster.client.create(configMapKind, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept-controller' }, data: { a: '1' } });
  await killAndAwait(cluster, 'controller');
  await worksAgain(t, 'after-controller');
  t.is((await cluster.client.get<ConfigMap>(configMapKind, 'default', 'kept-controller')).data?.['a'], '1');
  await undisturbed(t, before, processes);
});

test.serial('etcd dies: pods go on, acknowledged writes are there', async (t) => {
  const { cluster } = t.context;
  const [before, processes] = [runs(await listPods(cluster)), mainProcesses(cluster)];
  await cluster.client.create(configMapKind, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kept-etcd' }, data: { a: '1' } });
  await killAndAwait(cluster, 'etcd');
  await worksAgain(t, 'after-etcd');
  t.is((await cluster.client.get<ConfigMap>(configMapKind, 'default', 'kept-etcd')).data?.['a'], '1');
  await undisturbed(t, before, processes);
});

test.serial('containerd dies: containers go on and are taken over', async (t) => {
  const { cluster } = t.context;
  const [before, processes] = [runs(await listPods(cluster)), mainProcesses(cluster)];
  await killAndAwait(cluster, 'node-1-containerd');
  await worksAgain(t, 'after-containerd');
  await undisturbed(t, before, processes);
});

test.serial('the node dies for the control plane when agent and controller are gone together, and comes back by itself', async (t) => {
  const { cluster } = t.context;
  const [before, processes] = [runs(await listPods(cluster)), mainProcesses(cluster)];
  await Promise.all([killAndAwait(cluster, 'node-1-agent'), killAndAwait(cluster, 'controller'), killAndAwait(cluster, 'node-1-containerd')]);
  await worksAgain(t, 'after-all');
  const node = await cluster.client.get<Node>(nodeKind, undefined, 'node-1');
  t.is(node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status, 'True');
  await undisturbed(t, before, processes);
});

test.serial('down keeps the data when asked, up goes on from there, and down removes everything else', async (t) => {
  const { cluster } = t.context;
  const { code, stderr } = await cluster.berth('down', '--keep-data', '--data-dir', cluster.dataDir);
  t.is(code, 0, stderr);
  t.deepEqual(hostTraces(cluster), []);
  await cluster.up();
  const watch = await eventually('a watch', () => watchPods(cluster.client, name));
  await watch.until((pods) => pods.filter(isPodReady).length === replicas, 60_000);
  await watch.close();
  t.is((await cluster.client.get<ConfigMap>(configMapKind, 'default', 'kept-etcd')).data?.['a'], '1');
  await cluster.stop();
  t.deepEqual(hostTraces(cluster), []);
  t.false(existsSync(cluster.dataDir));
});
