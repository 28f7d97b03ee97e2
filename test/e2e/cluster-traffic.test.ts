/** What clients of services notice, and what services and pods leave behind: two nodes, all by the real programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import anyTest, { type TestFn } from 'ava';
import { namespacePath } from '../../cli/local/host-network.ts';
import { nodeAddress, paths, readSettings } from '../../cli/local/settings.ts';
import { deploymentKind, nodeKind, serviceKind } from '../../proto/kinds.ts';
import type { Deployment, Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, forever, podOf, shell } from '../fixtures/cluster-pods.ts';
import { networkTraces, nodeTraces } from '../fixtures/cluster-traces.ts';
import { eventually } from '../fixtures/eventually.ts';
import { comeAndGo } from '../fixtures/passing-pods.ts';
import { plainServer } from '../fixtures/pod-server.ts';
import { startRequests } from '../fixtures/steady-requests.ts';
import { allReady, deployment, watchPods } from '../fixtures/workload.ts';

const test = anyTest.serial as TestFn<{ cluster: ClusterFixture; image: string }>;

const perSecond = 200;
const updates = 3;
const replicas = 3;
/** For a machine on which the news of a pod's end travels slowly, too. */
const graceSeconds = 10;
const podNetworkMode = process.env['BERTH_TEST_POD_NETWORK_MODE'] ?? 'routes';
/** Pods that come and go, and at most so many at once. */
const passing = Number(process.env['BERTH_TEST_PASSING_PODS'] ?? 12);
const atOnce = 40;
const waitMs = 90_000;

test.before(async (t) => {
  t.context.cluster = await startCluster({ nodes: 2, podNetworkMode });
  t.context.image = await pushScript(t.context.cluster, 'box:1', 'exec sleep 3600\n');
});

test.after.always(async (t) => t.context.cluster?.stop());

const settingsOf = ({ dataDir }: ClusterFixture) => {
  const settings = readSettings(dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  return settings;
};

/** Pods of odd versions end after a hook, those of even ones serve on until their grace period is over. */
const version = (image: string, number: number): NonNullable<Deployment['spec']>['template'] => {
  const { container, volumes } = plainServer(image);
  return {
    metadata: { labels: { app: 'steady', version: String(number) } },
    spec: {
      terminationGracePeriodSeconds: graceSeconds,
      volumes,
      containers: [{
        ...container,
        readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 },
        ...(number % 2 === 1 ? { lifecycle: { preStop: { sleep: { seconds: graceSeconds - 1 } } } } : {}),
      }],
    },
  };
};

test('requests go on through three rolling updates without one that is refused or dropped', async (t) => {
  const { cluster, image } = t.context;
  const settings = settingsOf(cluster);
  const watch = await watchPods(cluster.client, 'steady');
  const first = deployment('steady', image, replicas);
  await cluster.client.create<Deployment>(deploymentKind, 'default', {
    ...first, spec: { ...first.spec, template: version(image, 1), strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
  });
  const { spec } = await cluster.client.create<Service>(serviceKind, 'default', {
    apiVersion: 'v1', kind: 'Service', metadata: { name: 'steady', namespace: 'default' },
    spec: { type: 'NodePort', selector: { app: 'steady' }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await watch.until(allReady(replicas));
  const nodePort = spec?.ports?.[0]?.nodePort;
  const requests = await startRequests(namespacePath(settings, 'node-1'), perSecond, [
    `${spec?.clusterIP}:80`, `${nodeAddress(settings, 1)}:${nodePort}`, `${nodeAddress(settings, 2)}:${nodePort}`,
  ]);
  t.teardown(requests.kill);
  for (let update = 2; update <= updates + 1; update += 1) {
    await cluster.client.patch(deploymentKind, 'default', 'steady', 'merge', { spec: { template: version(image, update) } });
    await watch.until((pods) => pods.filter((pod: Pod) => isPodReady(pod) && pod.metadata.labels?.version === String(update)).length === replicas);
  }
  // It is when those before come to their end that a request would get lost.
  await watch.until((pods) => pods.length === replicas);
  const tally = await requests.stop();
  t.log(tally);
  t.deepEqual(tally.failures, {});
  t.true(tally.answered > 0);
  await watch.close();
});

test('names are answered and services reached while no controller runs, also by an agent that has started meanwhile', async (t) => {
  const { cluster } = t.context;
  const pods = await ClusterPods.open(cluster);
  await pods.start(podOf('asker', [shell(t.context.image, forever)], { nodeName: 'node-1' }));
  const { spec } = await cluster.client.get<Service>(serviceKind, 'default', 'steady');
  const answers = (): Promise<true> =>
    eventually('the service is found and answers', async () => {
      const said = pods.inside('asker', 'nslookup steady.default.svc.cluster.local 2>&1 && timeout 10 wget -qO- http://steady/ 2>&1');
      return said.includes(`Address: ${spec?.clusterIP}`) && said.endsWith('here') ? true : undefined;
    }, waitMs);
  await answers();
  const kept = join(paths(cluster.dataDir).node('node-1'), 'agent/network.jsonl');
  await eventually('what is known of the network is kept', async () => (readFileSync(kept, 'utf8').includes('"steady') ? true : undefined), waitMs);
  await pods.close();
  const controller = cluster.pid('controller');
  process.kill(controller, 'SIGSTOP');
  t.teardown(() => process.kill(controller, 'SIGCONT'));
  await answers();
  process.kill(cluster.pid('node-1-agent'), 'SIGKILL');
  await answers();
  t.pass();
});

test('nothing of pods and services that came and went stays on a node, nor of a node on another', async (t) => {
  const { cluster, image } = t.context;
  const { client } = cluster;
  const apiIsBack = (): Promise<unknown> => eventually('the API is back', () => client.get<Node>(nodeKind, undefined, 'node-1'), waitMs);
  const traces = () => ({ ...nodeTraces(cluster), ...networkTraces(cluster, 'node-1') });
  const settled = async (before: ReturnType<typeof traces>): Promise<void> => {
    // A node tells that a pod is gone before the last of it is.
    await eventually('all is as before', async () => (isDeepStrictEqual(traces(), before) ? true : undefined), waitMs).catch(() => undefined);
    t.deepEqual(traces(), before);
  };
  await apiIsBack();
  // The plugins set up once what all host ports share.
  const pods = () => ({ ...nodeTraces(cluster), rules: [] });
  const quiet = pods();
  await comeAndGo(client, image, 'node-1', 1);
  await eventually('the first are gone', async () => (isDeepStrictEqual(pods(), quiet) ? true : undefined), waitMs);
  const before = traces();
  for (let left = passing; left > 0; left -= atOnce) await comeAndGo(client, image, 'node-1', Math.min(left, atOnce));
  await settled(before);
  const other = await cluster.berth('node', 'add', '--data-dir', cluster.dataDir);
  t.is(other.code, 0, other.stderr);
  await eventually('the way to the new node', async () => (isDeepStrictEqual(networkTraces(cluster, 'node-1')['routes'], before['routes']) ? undefined : true), waitMs);
  t.is((await cluster.berth('node', 'remove', 'node-3', '--data-dir', cluster.dataDir)).code, 0);
  await settled(before);
});
