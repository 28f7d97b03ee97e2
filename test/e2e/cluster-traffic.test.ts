/** What clients of services notice, and what services and pods leave behind: two nodes, all by the real programs. */
import anyTest, { type TestFn } from 'ava';
import { namespacePath } from '../../cli/local/host-network.ts';
import { nodeAddress, readSettings } from '../../cli/local/settings.ts';
import { deploymentKind, serviceKind } from '../../proto/kinds.ts';
import type { Deployment, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { plainServer } from '../fixtures/pod-server.ts';
import { startRequests } from '../fixtures/steady-requests.ts';
import { allReady, deployment, watchPods } from '../fixtures/workload.ts';

const test = anyTest.serial as TestFn<{ cluster: ClusterFixture; image: string }>;

const perSecond = 200;
const updates = 3;
const replicas = 3;
/** For a machine on which the news of a pod's end travels slowly, too. */
const graceSeconds = 10;

test.before(async (t) => {
  t.context.cluster = await startCluster({ nodes: 2 });
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
    // Until those before have come to their end, too: it is then that a request would get lost.
    await watch.until((pods) => pods.length === replicas && pods.every((pod: Pod) => isPodReady(pod) && pod.metadata.labels?.version === String(update)));
  }
  const tally = await requests.stop();
  t.log(tally);
  t.deepEqual(tally.failures, {});
  t.true(tally.answered > 0);
  await watch.close();
});
