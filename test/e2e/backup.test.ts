/** A cluster is saved, goes on, and is brought back: by the real program, with three members of etcd and two nodes. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { isReady } from '../../cli/local/nodes.ts';
import { processesWith } from '../../cli/local/processes.ts';
import { isApiError } from '../../proto/errors.ts';
import { configMapKind, deploymentKind, nodeKind, podKind } from '../../proto/kinds.ts';
import type { ConfigMap, Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, type Output, pushScript, startCluster } from '../fixtures/cluster.ts';
import { podOf } from '../fixtures/cluster-pods.ts';
import { eventually } from '../fixtures/eventually.ts';
import { deployment } from '../fixtures/workload.ts';

const test = anyTest.serial as TestFn<{ cluster: ClusterFixture; file: string; image: string }>;
const waitMs = 90_000;

test.before(async (t) => {
  const cluster = await startCluster({ nodes: 2, etcd: 3 });
  t.context = { cluster, file: join(dirname(cluster.dataDir), 'saved.backup'), image: '' };
  t.context.image = await pushScript(cluster, 'sleep:1', 'exec sleep 3600\n');
});

test.after.always(async (t) => t.context.cluster?.stop());

const berth = (cluster: ClusterFixture, ...args: string[]): Promise<Output> => cluster.berth(...args, '--data-dir', cluster.dataDir);

const podsOf = async ({ client }: ClusterFixture, app: string): Promise<readonly Pod[]> =>
  (await client.list<Pod>(podKind, { namespace: 'default', labelSelector: `app=${app}` })).items;

const running = (cluster: ClusterFixture, app: string, count: number): Promise<readonly Pod[]> =>
  eventually(`${count} pods of ${app} run`, async () => {
    const pods = await podsOf(cluster, app);
    return pods.length === count && pods.every((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp) ? pods : undefined;
  }, waitMs);

/** What tells a container from every other, one that was started again included. */
const lives = (pods: readonly Pod[]): unknown =>
  pods.map(({ metadata, status }) => [metadata.uid, status?.podIP, status?.containerStatuses?.map(({ containerID, restartCount, state }) => [containerID, restartCount, state?.running?.startedAt])]).toSorted();

const settings = (at: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' }, data: { at } });

const revisionOf = ({ metadata }: { readonly metadata: { readonly resourceVersion?: string } }): number => Number(metadata.resourceVersion);

/** Sleeps for a time that nobody else sleeps for, so that its process can be found. */
const sleeper = (seconds: number): string[] => ['/bin/sleep', String(seconds)];

test('what is saved comes back: what still is wanted runs on, what was made since ends, what was deleted since runs again, and clients are told', async (t) => {
  const { cluster, file, image } = t.context;
  const { client } = cluster;
  const base = 500_000 + (process.pid % 10_000) * 10;
  await client.create(deploymentKind, 'default', deployment('kept', image, 2, sleeper(base)));
  await client.create(podKind, 'default', podOf('deleted', [{ name: 'main', image, command: sleeper(base + 1) }], { terminationGracePeriodSeconds: 0 }, { labels: { app: 'deleted' } }));
  await client.create(configMapKind, 'default', settings('before'));
  const kept = await running(cluster, 'kept', 2);
  const [deleted] = await running(cluster, 'deleted', 1);

  const saved = await berth(cluster, 'backup', file);
  t.is(saved.code, 0, saved.stderr);
  t.is(statSync(file).mode & 0o777, 0o600);
  t.regex(saved.stderr, /✓ snapshot of etcd/);

  await client.delete(podKind, 'default', 'deleted');
  await client.create(deploymentKind, 'default', deployment('made', image, 1, sleeper(base + 2)));
  await running(cluster, 'made', 1);
  await eventually('the pod is gone', async () => (processesWith(`sleep ${base + 1}`).length === 0 ? true : undefined), waitMs);
  const changed = await client.update<ConfigMap>(configMapKind, 'default', 'settings', settings('after'));
  const told = (async () => {
    for await (const { object } of client.watch<ConfigMap>(configMapKind, { namespace: 'default' }, String(revisionOf(changed)), AbortSignal.timeout(waitMs))) {
      if (revisionOf(object) <= revisionOf(changed)) return 'a change of the past';
    }
    return 'nothing';
  })().catch((error: unknown) => error);

  const restored = await berth(cluster, 'restore', file);
  t.is(restored.code, 0, restored.stderr);
  t.true(isApiError(await told, 'Expired'), String(await told));
  const present = await client.get<ConfigMap>(configMapKind, 'default', 'settings');
  t.deepEqual(present.data, { at: 'before' });
  t.true(revisionOf(present) > revisionOf(changed), 'resource versions never go back');

  const [again] = await running(cluster, 'deleted', 1);
  t.is(again?.metadata.uid, deleted?.metadata.uid);
  await eventually('the deleted pod runs again', async () => (processesWith(`sleep ${base + 1}`).length === 1 ? true : undefined), waitMs);
  await eventually('what was made since is gone', async () => (processesWith(`sleep ${base + 2}`).length === 0 && (await podsOf(cluster, 'made')).length === 0 ? true : undefined), waitMs);
  t.deepEqual(lives(await running(cluster, 'kept', 2)), lives(kept), 'what was to run on was not touched');

  await client.update(deploymentKind, 'default', 'kept', { ...deployment('kept', image, 3, sleeper(base)) });
  await running(cluster, 'kept', 3);
});

test('a file that is no whole backup of this cluster is refused with what is wrong, and nothing is changed', async (t) => {
  const { cluster, file } = t.context;
  const [whole, other] = [readFileSync(file), `${file}.other`];
  const pids = ['etcd', 'etcd-2', 'etcd-3', 'controller'].map((name) => cluster.pid(name));
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [whole.subarray(0, whole.length / 2), /is not whole/], [Buffer.from('kind: ConfigMap\n'), /is no backup/],
    [Buffer.concat([whole.subarray(0, 100_000), Buffer.from('x'), whole.subarray(100_001)]), /is damaged/],
  ];
  for (const [content, words] of cases) {
    writeFileSync(other, content);
    const refused = await berth(cluster, 'restore', other);
    t.is(refused.code, 1);
    t.regex(refused.stderr, words);
  }
  const there = await berth(cluster, 'backup', file);
  t.is(there.code, 2, 'a backup replaces nothing');
  t.deepEqual(['etcd', 'etcd-2', 'etcd-3', 'controller'].map((name) => cluster.pid(name)), pids);
  t.truthy(await cluster.client.get(configMapKind, 'default', 'settings'));
});

test('a cluster that was lost with its folder is made again from the file alone', async (t) => {
  const { cluster, file } = t.context;
  const last = await cluster.client.get<ConfigMap>(configMapKind, 'default', 'settings');
  t.is((await berth(cluster, 'down')).code, 0);
  t.false(existsSync(cluster.dataDir));
  const restored = await berth(cluster, 'restore', file);
  t.is(restored.code, 0, restored.stderr);
  const present = await cluster.client.get<ConfigMap>(configMapKind, 'default', 'settings');
  t.deepEqual(present.data, { at: 'before' });
  t.true(revisionOf(present) > revisionOf(last), 'the clients of before are told no past');
  const nodes = (await cluster.client.list<Node>(nodeKind)).items;
  t.deepEqual(nodes.filter(isReady).map(({ metadata }) => metadata.name), ['node-1', 'node-2'], 'the nodes have joined anew');
});
