/** What a person does with a cluster, by the real programs: apply, scale, roll, undo, read logs, describe, delete. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { podKind } from '../../proto/kinds.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, type Output, pushScript, startCluster } from '../fixtures/cluster.ts';

const test = anyTest as TestFn<{ cluster: ClusterFixture; manifest: (version: number, replicas: number) => string }>;

const script = (version: number): string => `
mkdir -p /www
echo "version ${version}" > /www/index.html
echo "serving version ${version}"
exec httpd -f -p 8080 -h /www
`;

const manifestOf = (image: string, replicas: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: ${replicas}
  selector: { matchLabels: { app: web } }
  # With its type: kubectl calls a strategy without one changed each time, as the defaulted type is not in the manifest.
  strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: ${image}
          readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
`;

test.before(async (t) => {
  const cluster = await startCluster();
  t.context.cluster = cluster;
  const images = [await pushScript(cluster, 'web:1', script(1)), await pushScript(cluster, 'web:2', script(2))];
  const dir = mkdtempSync(join(tmpdir(), 'berth-manifests-'));
  t.context.manifest = (version, replicas) => {
    const file = join(dir, `web-${version}-${replicas}.yaml`);
    writeFileSync(file, manifestOf(images[version - 1] ?? '', replicas));
    return file;
  };
});

test.after.always(async (t) => t.context.cluster?.stop());

const ok = (output: Output): string => {
  if (output.code !== 0) throw new Error(`exit code ${output.code}: ${output.stderr}${output.stdout}`);
  return output.stdout;
};

const podsOf = async (cluster: ClusterFixture): Promise<readonly Pod[]> =>
  (await cluster.client.list<Pod>(podKind, { namespace: 'default', labelSelector: 'app=web' })).items.filter((pod) => !pod.metadata.deletionTimestamp);

const bodies = async (pods: readonly Pod[]): Promise<string[]> =>
  Promise.all(pods.map(async (pod) => (await fetch(`http://${pod.status?.podIP}:8080/`)).text()));

test.serial('an applied deployment serves from real containers', async (t) => {
  const { cluster, manifest } = t.context;
  const output = ok(await cluster.berth('apply', '--wait', '-f', manifest(1, 2)));
  t.regex(output, /deployment\.apps\/web created/);
  const pods = await podsOf(cluster);
  t.is(pods.length, 2);
  t.true(pods.every(isPodReady));
  t.deepEqual(await bodies(pods), ['version 1\n', 'version 1\n']);
});

test.serial('applying the same again changes nothing, whoever applies', async (t) => {
  const { cluster, manifest } = t.context;
  t.regex(ok(await cluster.berth('apply', '-f', manifest(1, 2))), /deployment\.apps\/web unchanged/);
  t.regex(ok(await cluster.run('kubectl', 'apply', '-f', manifest(1, 2))), /deployment\.apps\/web unchanged/);
});

test.serial('scale waits until as many serve', async (t) => {
  const { cluster } = t.context;
  ok(await cluster.berth('scale', 'deployment/web', '--replicas', '4', '--wait'));
  const pods = await podsOf(cluster);
  t.is(pods.filter(isPodReady).length, 4);
});

test.serial('a rolling update replaces all pods and never has fewer ready than wanted', async (t) => {
  const { cluster, manifest } = t.context;
  const stop = new AbortController();
  const { items, resourceVersion } = await cluster.client.list<Pod>(podKind, { namespace: 'default', labelSelector: 'app=web' });
  const pods = new Map(items.map((pod) => [pod.metadata.uid ?? '', pod]));
  let readyMin = Infinity;
  const watching = (async (): Promise<void> => {
    for await (const { type, object } of cluster.client.watch<Pod>(podKind, { namespace: 'default', labelSelector: 'app=web' }, resourceVersion, stop.signal)) {
      if (type === 'DELETED') pods.delete(object.metadata.uid ?? '');
      else pods.set(object.metadata.uid ?? '', object);
      readyMin = Math.min(readyMin, [...pods.values()].filter((pod) => isPodReady(pod) && !pod.metadata.deletionTimestamp).length);
    }
  })();
  ok(await cluster.berth('apply', '--wait', '-f', manifest(2, 4)));
  stop.abort();
  await watching;
  t.true(readyMin >= 4, `only ${readyMin} were ready`);
  t.deepEqual(await bodies(await podsOf(cluster)), Array<string>(4).fill('version 2\n'));
});

test.serial('undo goes back to the former template', async (t) => {
  const { cluster } = t.context;
  t.regex(ok(await cluster.berth('rollout', 'history', 'deployment/web')), /1[\s\S]*2/);
  ok(await cluster.berth('rollout', 'undo', 'deployment/web'));
  ok(await cluster.berth('rollout', 'status', 'deployment/web'));
  const deadline = Date.now() + 30_000;
  const all = async (): Promise<number> => (await cluster.client.list(podKind, { namespace: 'default', labelSelector: 'app=web' })).items.length;
  // Until those of the second version are gone, too.
  while ((await all()) !== 4 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  t.deepEqual(await bodies(await podsOf(cluster)), Array<string>(4).fill('version 1\n'));
});

test.serial('logs, describe and events tell what happened', async (t) => {
  const { cluster } = t.context;
  const [pod] = await podsOf(cluster);
  const name = pod?.metadata.name ?? '';
  t.regex(ok(await cluster.berth('logs', `pod/${name}`)), /serving version 1/);
  t.regex(ok(await cluster.run('kubectl', 'logs', 'deployment/web')), /serving version 1/);
  const described = ok(await cluster.berth('describe', `pod/${name}`));
  t.regex(described, /Successfully assigned/);
  t.regex(described, /Ready\s+True/);
  t.regex(ok(await cluster.run('kubectl', 'describe', 'deployment', 'web')), /ScalingReplicaSet/);
  t.regex(ok(await cluster.berth('events')), /Scheduled/);
});

test.serial('a pod finds a service by its short name, and reaches it', async (t) => {
  const { cluster } = t.context;
  ok(await cluster.run('kubectl', 'expose', 'deployment/web', '--port', '80', '--target-port', '8080'));
  const asking = `
cat /etc/resolv.conf
until wget -qO- http://web/; do usleep 100000; done
wget -qO- http://web.default.svc.cluster.local/
nslookup -type=srv _https._tcp.kubernetes.default.svc.cluster.local
nslookup none.default.svc.cluster.local
true
`;
  ok(await cluster.run('kubectl', 'run', 'asker', '--image', `${cluster.registry}/web:1`, '--restart', 'Never', '--command', '--', 'sh', '-c', asking));
  ok(await cluster.run('kubectl', 'wait', 'pod/asker', '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s'));
  const said = ok(await cluster.berth('logs', 'pod/asker'));
  t.regex(said, /search default\.svc\.cluster\.local svc\.cluster\.local cluster\.local/);
  t.regex(said, /nameserver 10\.96\.0\.10\n/);
  t.regex(said, /options ndots:5/);
  t.is(said.match(/^version 1$/gm)?.length, 2, said);
  t.regex(said, /service = 0 100 443 kubernetes\.default\.svc\.cluster\.local/);
  t.regex(said, /NXDOMAIN/);
  ok(await cluster.berth('delete', 'pod', 'asker'));
  ok(await cluster.berth('delete', 'service', 'web'));
});

test.serial('kubectl and berth show the same table', async (t) => {
  const { cluster } = t.context;
  const firstLine = (text: string): string => text.split('\n')[0]?.trimEnd() ?? '';
  const mine = ok(await cluster.berth('get', 'pods', '-o', 'wide'));
  const theirs = ok(await cluster.run('kubectl', 'get', 'pods', '-o', 'wide'));
  t.is(firstLine(mine).replaceAll(/\s+/g, ' '), firstLine(theirs).replaceAll(/\s+/g, ' '));
  t.regex(mine, /web-\S+\s+1\/1\s+Running/);
});

test.serial('a pod that fits nowhere says why', async (t) => {
  const { cluster } = t.context;
  ok(await cluster.run('kubectl', 'run', 'huge', '--image', `${cluster.registry}/web:1`, '--overrides', JSON.stringify({
    spec: { containers: [{ name: 'huge', image: `${cluster.registry}/web:1`, resources: { requests: { cpu: '999' } } }] },
  })));
  ok(await cluster.run('kubectl', 'wait', 'pod/huge', '--for=condition=PodScheduled=False', '--timeout=10s'));
  const pod = await cluster.client.get<Pod>(podKind, 'default', 'huge');
  t.is(pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled')?.message, '0/1 nodes are available: 1 Insufficient cpu.');
  ok(await cluster.berth('delete', 'pod', 'huge'));
});

test.serial('deleting the deployment takes its pods along', async (t) => {
  const { cluster } = t.context;
  ok(await cluster.berth('delete', 'deployment', 'web'));
  ok(await cluster.run('kubectl', 'wait', '--for=delete', 'pod', '-l', 'app=web', '--timeout=30s'));
  t.deepEqual(await podsOf(cluster), []);
});
