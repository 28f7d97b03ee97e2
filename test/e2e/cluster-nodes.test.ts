/** Several machines on one: nodes come and go, lose their power and get it back, and nothing of them stays behind. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import anyTest, { type TestFn } from 'ava';
import { openContext } from '../../cli/context.ts';
import { ended, processesWith, supervised } from '../../cli/local/processes.ts';
import { paths, readSettings } from '../../cli/local/settings.ts';
import { ConnectionError } from '../../proto/client.ts';
import { deploymentKind, nodeKind, podKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, type Output, pushScript, startCluster } from '../fixtures/cluster.ts';
import { hostTraces } from '../fixtures/cluster-traces.ts';
import { eventually } from '../fixtures/eventually.ts';
import { deployment } from '../fixtures/workload.ts';

const test = anyTest.serial as TestFn<{ cluster: ClusterFixture }>;
const name = 'web';
const waitMs = 90_000;
const callMs = 5_000;

test.before(async (t) => {
  t.context.cluster = await startCluster({ nodes: 3, controllers: 2, etcd: 3 });
});

test.after.always(async (t) => t.context.cluster?.stop());

const nodes = async ({ client }: ClusterFixture): Promise<readonly Node[]> => (await client.list<Node>(nodeKind)).items;
const isReady = (node: Node): boolean => node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
const readyNodes = async (cluster: ClusterFixture): Promise<string[]> => (await nodes(cluster)).filter(isReady).map(({ metadata }) => metadata.name ?? '').toSorted();

const routes = (cluster: ClusterFixture): string[] =>
  execFileSync('ip', ['route', 'show', 'dev', `${cluster.prefix}0`], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(' via ')).map((line) => line.trim()).toSorted();

const wantedRoutes = async (cluster: ClusterFixture): Promise<string[]> =>
  (await nodes(cluster)).map(({ spec, status }) => `${spec?.podCIDR} via ${status?.addresses?.find(({ type }) => type === 'InternalIP')?.address}`).toSorted();

/** Runs a command on this cluster and expects it to succeed. */
const done = async (cluster: ClusterFixture, ...args: string[]): Promise<Output> => {
  const output = await cluster.berth(...args, '--data-dir', cluster.dataDir);
  if (output.code !== 0) throw new Error(`berth ${args.join(' ')}: ${output.stderr}`);
  return output;
};

/** Resolves to the pods once three are ready on these nodes, and each answers the host. */
const serving = (cluster: ClusterFixture, on: readonly string[]): Promise<readonly Pod[]> =>
  eventually('three pods serve', async () => {
    const { items } = await cluster.client.list<Pod>(podKind, { namespace: 'default', labelSelector: `app=${name}` });
    const pods = items.filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp && on.includes(pod.spec?.nodeName ?? ''));
    const pages = await Promise.all(pods.map(async ({ status }) => (await fetch(`http://${status?.podIP}:8080/`, { signal: AbortSignal.timeout(callMs) })).text()));
    return pages.length === 3 && pages.every((page) => page === 'here\n') ? pods : undefined;
  }, waitMs);

const areReady = (cluster: ClusterFixture, names: readonly string[]): Promise<true> =>
  eventually(`${names.join(', ')} are ready`, async () => ((await readyNodes(cluster)).join() === names.join() ? true : undefined), waitMs);

test('three nodes come up with a subnet each, work is spread over them, and the host reaches it', async (t) => {
  const { cluster } = t.context;
  await areReady(cluster, ['node-1', 'node-2', 'node-3']);
  t.is(new Set((await nodes(cluster)).map(({ spec }) => spec?.podCIDR)).size, 3);
  t.deepEqual(routes(cluster), await wantedRoutes(cluster));
  t.deepEqual(supervised(paths(cluster.dataDir)).toSorted(), [
    'controller', 'controller-2', 'etcd', 'etcd-2', 'etcd-3', ...[1, 2, 3].flatMap((index) => [`node-${index}-agent`, `node-${index}-containerd`]), 'registry',
  ]);
  const image = await pushScript(cluster, 'web:1', 'mkdir -p /www\necho here > /www/index.html\nexec httpd -f -p 8080 -h /www\n');
  await cluster.client.create(deploymentKind, 'default', deployment(name, image, 3, ['/bin/sh', '/run.sh']));
  const pods = await serving(cluster, ['node-1', 'node-2', 'node-3']);
  t.is(new Set(pods.map(({ spec }) => spec?.nodeName)).size, 3);
});

test('while controllers restart nobody is refused: who calls meanwhile is answered afterwards', async (t) => {
  const { cluster } = t.context;
  const pids = ['controller-1', 'controller-2'].map((process_) => cluster.pid(process_));
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  t.deepEqual(await ended(pids, waitMs, systemClock), []);
  const calls = Array.from({ length: 10 }, async () => {
    const { client } = openContext({ kubeconfig: cluster.kubeconfig }, process.env, systemClock);
    try {
      return await client.text('GET', '/livez').catch((error: unknown) => (error instanceof ConnectionError ? error.message : 'ok'));
    } finally {
      client.close();
    }
  });
  t.deepEqual(await Promise.all(calls), Array<string>(10).fill('ok'));
});

test('a node without power leaves no process, mount or interface, and is back with its pods when it is started', async (t) => {
  const { cluster } = t.context;
  await done(cluster, 'node', 'kill', 'node-2');
  t.deepEqual(processesWith(`${paths(cluster.dataDir).run}/node-2/`), []);
  t.deepEqual(supervised(paths(cluster.dataDir)).filter((process_) => process_.startsWith('node-2')), []);
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  t.deepEqual(mounts.filter((line) => [`${cluster.dataDir}/run/node-2/`, `${cluster.dataDir}/nodes/node-2/`, `${cluster.prefix}-node-2 `].some((text) => line.includes(text))), []);
  t.false(existsSync(`/sys/class/net/${cluster.link('node-2')}`));
  await areReady(cluster, ['node-1', 'node-3']);
  await done(cluster, 'node', 'start', 'node-2');
  await areReady(cluster, ['node-1', 'node-2', 'node-3']);
  await serving(cluster, ['node-1', 'node-2', 'node-3']);
});

test('a node is added and one removed: its work moves, and its files, address and object are gone', async (t) => {
  const { cluster } = t.context;
  await done(cluster, 'node', 'add');
  await areReady(cluster, ['node-1', 'node-2', 'node-3', 'node-4']);
  await done(cluster, 'node', 'remove', 'node-3');
  t.deepEqual((await nodes(cluster)).map(({ metadata }) => metadata.name).toSorted(), ['node-1', 'node-2', 'node-4']);
  await serving(cluster, ['node-1', 'node-2', 'node-4']);
  t.deepEqual(routes(cluster), await wantedRoutes(cluster));
  t.false(existsSync(`/sys/class/net/${cluster.link('node-3')}`));
  for (const folder of ['nodes', 'run', 'log', 'config'] as const) {
    t.deepEqual(readdirSync(paths(cluster.dataDir)[folder === 'log' ? 'logs' : folder]).filter((file) => file.startsWith('node-3')), [], folder);
  }
});

test('up starts what has no power, and keeps the number of nodes', async (t) => {
  const { cluster } = t.context;
  await done(cluster, 'node', 'kill', 'node-1', 'node-4');
  await done(cluster, 'up');
  t.deepEqual(readSettings(cluster.dataDir)?.nodes, [1, 2, 4]);
  await serving(cluster, ['node-1', 'node-2', 'node-4']);
});

test('what cannot be done is told with what can', async (t) => {
  const { cluster } = t.context;
  const told = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await cluster.berth(...args, '--data-dir', cluster.dataDir);
    return `${code} ${stderr}`;
  };
  t.regex(await told('node', 'remove', 'node-9'), /^2 error: .* has no node-9; it has node-1, node-2, node-4\n$/);
  t.regex(await told('node', 'remove', 'node-1', 'node-2', 'node-4'), /^1 error: .*"berth down" removes all of it\n$/);
  t.regex(await told('up', '--nodes', '1'), /^2 error: .*"berth node remove NAME" takes one away\n$/);
  t.regex(await told('up', '--etcd', '1'), /^2 error: .* was made with --etcd 3 and cannot change to 1; /);
  t.regex(await told('up', '--etcd', '2'), /^2 error: --etcd 2 must be one of 1, 3, 5, 7/);
});

test('cordon and uncordon say what they did', async (t) => {
  const { cluster } = t.context;
  t.is((await cluster.berth('cordon', 'node-2')).stdout, 'node/node-2 cordoned\n');
  t.is((await cluster.berth('cordon', 'node-2')).stdout, 'node/node-2 already cordoned\n');
  t.is((await cluster.client.get<Node>(nodeKind, undefined, 'node-2')).spec?.unschedulable, true);
  t.is((await cluster.berth('uncordon', 'node-2')).stdout, 'node/node-2 uncordoned\n');
  t.regex((await cluster.berth('cordon', 'node-22')).stderr, /did you mean "node-2"/);
});

test('down removes all of it, also a node without power', async (t) => {
  const { cluster } = t.context;
  await done(cluster, 'node', 'kill', 'node-4');
  await cluster.stop();
  t.deepEqual(hostTraces(cluster), []);
  t.false(existsSync(cluster.dataDir));
});
