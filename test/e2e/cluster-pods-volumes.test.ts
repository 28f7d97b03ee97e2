/** What containers are given: variables, arguments and volumes, and how these change while the pod runs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { relistPeriodMs } from '../../agent/limits.ts';
import { configMapKind, podKind, secretKind } from '../../proto/kinds.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, containerOf, forever, isOver, isReady, podOf, shell, waitsFor } from '../fixtures/cluster-pods.ts';
import { until } from '../fixtures/child.ts';

const test = anyTest as TestFn;
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const configMap = (name: string, data: Record<string, string>): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
const secret = (name: string, data: Record<string, string>): object => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])),
});

test.before(async () => {
  cluster = await startCluster();
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  await cluster.client.create(configMapKind, 'default', configMap('settings', { color: 'blue', size: 'xl' }));
  await cluster.client.create(secretKind, 'default', secret('login', { password: 'sesame' }));
  pods = await ClusterPods.open(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await cluster?.stop();
});

test('variables of every kind, expansion, command, args and the working folder', async (t) => {
  await pods.create(podOf('env', [{
    name: 'main', image, workingDir: '/bin',
    command: ['/bin/sh', '-c', 'env; echo "args=$*"; echo "cwd=$(pwd)"; echo end', '$(NAME)-zero'],
    args: ['$(GREETING)', '$$(GREETING)', '$(UNKNOWN)'],
    resources: { limits: { cpu: '1500m', memory: '64Mi' }, requests: { cpu: '100m' } },
    envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'CM_' }, { secretRef: { name: 'login' } }, { configMapRef: { name: 'absent', optional: true } }],
    env: [
      { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } },
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'LABEL', valueFrom: { fieldRef: { fieldPath: "metadata.labels['team']" } } },
      { name: 'ACCOUNT', valueFrom: { fieldRef: { fieldPath: 'spec.serviceAccountName' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
      { name: 'CPU_MILLI', valueFrom: { resourceFieldRef: { resource: 'requests.cpu', divisor: '1m' } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'COLOR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'color' } } },
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } },
      { name: 'OPTIONAL', valueFrom: { secretKeyRef: { name: 'login', key: 'absent', optional: true } } },
      { name: 'GREETING', value: 'hello $(NAME) in $(COLOR), not $$(COLOR) nor $(LATER)' },
      { name: 'LATER', value: 'x' },
    ],
  }], { restartPolicy: 'Never' }, { labels: { team: 'blue' } }));
  const pod = await pods.until('env', isOver);
  const facts = await pods.facts('env');
  const greeting = 'hello env in blue, not $(COLOR) nor $(LATER)';
  const expected = {
    NAME: 'env', HOST: pod.status?.hostIP, NODE: 'node-1', LABEL: 'blue', ACCOUNT: 'default', CPU: '2', CPU_MILLI: '100', MEMORY: '64', COLOR: 'blue', SECRET: 'sesame',
    CM_color: 'blue', CM_size: 'xl', password: 'sesame', GREETING: greeting, cwd: '/bin', args: `${greeting} $(GREETING) $(UNKNOWN)`, HOSTNAME: 'env',
  };
  t.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, facts.get(key)])), expected);
  t.regex(facts.get('IP') ?? '', /^10\.\d+\.\d+\.\d+$/);
  t.false(facts.has('OPTIONAL'));
});

test('a missing key is said, and put right as soon as the object comes', async (t) => {
  const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'soon', key: 'x' } } }];
  const volumes = [{ name: 'late', secret: { secretName: 'late' } }];
  await Promise.all([
    pods.create(podOf('wants-key', [shell(image, forever, { env })])),
    pods.create(podOf('wants-volume', [shell(image, forever, { volumeMounts: [{ name: 'late', mountPath: '/late' }] })], { volumes })),
  ]);
  const waiting = await pods.until('wants-key', waitsFor('CreateContainerConfigError'));
  t.is(containerOf(waiting)?.state?.waiting?.message, 'configmap "soon" not found');
  await until('the mount failed several times', async () => /FailedMount[\s\S]*secret \\"late\\" not found/.test(await cluster.client.text('GET', '/api/v1/namespaces/default/events')));
  // Tries are 0.5, 1, 2, 4 and 8 seconds apart: after these the next is farther away than what is asserted.
  await new Promise((resolve) => setTimeout(resolve, 8_500));
  const beganMs = Date.now();
  await Promise.all([
    cluster.client.create(configMapKind, 'default', configMap('soon', { x: '1' })),
    cluster.client.create(secretKind, 'default', secret('late', { y: '2' })),
  ]);
  const plain = pods.start(podOf('wants-nothing', [shell(image, forever)])).then(() => Date.now() - beganMs);
  await Promise.all(['wants-key', 'wants-volume'].map((name) => pods.until(name, isReady)));
  const tookMs = Date.now() - beganMs;
  // What a pod takes that needs nothing, on this machine now, is no wait for the next try.
  t.true(tookMs < 5_000 + 2 * (await plain), `${tookMs} ms`);
  t.is(pods.inside('wants-volume', 'cat /late/y'), '2');
});

const volumes = [
  { name: 'config', configMap: { name: 'live', items: [{ key: 'a', path: 'sub/a', mode: 0o400 }, { key: 'b', path: 'b' }], defaultMode: 0o640 } },
  { name: 'secret', secret: { secretName: 'live' } },
  { name: 'facts', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }, { path: 'memory', resourceFieldRef: { containerName: 'main', resource: 'limits.memory', divisor: '1Mi' } }] } },
  { name: 'all', projected: { sources: [{ configMap: { name: 'live' } }, { secret: { name: 'live', items: [{ key: 's', path: 'secret/s' }] } }, { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }] } }] } },
];

const mounts = [
  ...volumes.map(({ name }) => ({ name, mountPath: `/${name}`, readOnly: true })),
  { name: 'config', mountPath: '/single', subPath: 'b' },
];

// Alone: another pod that is just being started when the agent is killed starts once more, ten seconds later.
test.serial('configMap, secret, downwardAPI and projected volumes change in place, all files at once, also after an agent came anew', async (t) => {
  await cluster.client.create(configMapKind, 'default', configMap('live', { a: '1', b: '1' }));
  await cluster.client.create(secretKind, 'default', secret('live', { s: '1' }));
  // Reads through one open folder: a half-done change would show two versions. One that has been replaced may be half removed.
  const watchFiles = 'while :; do d=$(readlink /all/..data) && cd /all/$d 2>/dev/null && x=$(cat a b 2>/dev/null | tr -d "\\n"); case $x in 11|22|33|"") ;; *) [ "$(readlink /all/..data)" != "$d" ] || echo torn $x;; esac; sleep 0.01; done';
  const main = shell(image, watchFiles, { volumeMounts: mounts, resources: { limits: { memory: '32Mi' } } });
  await pods.start(podOf('live', [main], { volumes, securityContext: { fsGroup: 77 } }, { labels: { tier: 'one' } }));
  const show = (path: string): string => pods.inside('live', `cat ${path}`);
  t.deepEqual(['/config/sub/a', '/config/b', '/secret/s', '/facts/labels', '/facts/memory', '/all/a', '/all/secret/s', '/all/name', '/single'].map(show),
    ['1', '1', '1', 'tier="one"', '32', '1', '1', 'live', '1']);
  t.is(pods.inside('live', 'stat -L -c "%a %g" /config/sub/a /config/b /secret/s'), '440 77\n640 77\n644 77');
  t.regex(pods.inside('live', 'mount'), /tmpfs on \/secret type tmpfs \(ro/);
  t.throws(() => pods.inside('live', 'echo x > /config/b'));
  const change = async (value: string): Promise<void> => {
    await cluster.client.patch(configMapKind, 'default', 'live', 'merge', { data: { a: value, b: value } });
    await cluster.client.patch(secretKind, 'default', 'live', 'merge', { data: { s: base64(value) } });
    await cluster.client.patch(podKind, 'default', 'live', 'merge', { metadata: { labels: { tier: value } } });
    await until(`the files say ${value}`, () => ['/config/sub/a', '/secret/s', '/all/b', '/all/secret/s'].every((path) => show(path) === value) && show('/facts/labels') === `tier="${value}"`, 60_000);
  };
  await change('2');
  process.kill(cluster.pid('node-1-agent'), 'SIGKILL');
  await change('3');
  t.is(show('/single'), '1', 'a subPath stays as it was');
  t.is(await pods.log('live'), '', 'no reader saw two versions');
  t.is(containerOf(pods.get('live'))?.restartCount, 0);
});

test('emptyDir on disk and in memory is shared and limited; hostPath and subPath show what they name', async (t) => {
  const host = join(cluster.dataDir, 'host');
  mkdirSync(host);
  writeFileSync(join(host, 'file'), 'from the host\n');
  const spec = {
    volumes: [
      { name: 'disk', emptyDir: {} },
      { name: 'memory', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      { name: 'host', hostPath: { path: host, type: 'Directory' } },
      { name: 'made', hostPath: { path: join(cluster.dataDir, 'made', 'below'), type: 'DirectoryOrCreate' } },
    ],
  };
  const shared = [
    { name: 'disk', mountPath: '/disk' }, { name: 'memory', mountPath: '/memory' }, { name: 'host', mountPath: '/host', readOnly: true },
    { name: 'made', mountPath: '/made' }, { name: 'disk', mountPath: '/part', subPathExpr: 'of/$(WHO)' },
  ];
  const env = [{ name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
  await pods.start(podOf('dirs', [
    shell(image, forever, { volumeMounts: shared, env }),
    shell(image, forever, { name: 'other', volumeMounts: [{ name: 'disk', mountPath: '/seen' }] }),
  ], spec));
  const inside = (command: string): string => pods.inside('dirs', command);
  inside('echo one > /disk/file; echo two > /part/file; echo three > /made/file');
  t.is(pods.inside('dirs', 'cat /seen/file /seen/of/dirs/file', 'other'), 'one\ntwo');
  t.is(inside('cat /host/file'), 'from the host');
  t.throws(() => inside('echo x > /host/file 2>/dev/null'));
  t.is(readFileSync(join(cluster.dataDir, 'made', 'below', 'file'), 'utf8'), 'three\n');
  t.is(inside('dd if=/dev/zero of=/memory/big bs=1M count=2 2>/dev/null; stat -c %s /memory/big'), String(2 ** 20));
  process.kill(pods.pid('dirs'), 'SIGKILL');
  await pods.until('dirs', (pod) => containerOf(pod)?.restartCount === 1 && isReady(pod));
  t.is(inside('cat /disk/file'), 'one', 'what is in the volume outlives a container');
  const disk = join(cluster.dataDir, 'nodes', 'node-1', 'agent', 'pods', pods.get('dirs')?.metadata.uid ?? 'none');
  t.true(existsSync(disk), disk);
  await pods.delete('dirs');
  await pods.untilGone('dirs');
  t.false(existsSync(disk));
  t.is(readFileSync(join(host, 'file'), 'utf8'), 'from the host\n');
});

test('a pod whose emptyDir on disk outgrows its limit is evicted', async (t) => {
  const volumes = [{ name: 'disk', emptyDir: { sizeLimit: '1Mi' } }];
  await pods.start(podOf('outgrown', [shell(image, `head -c 3000000 /dev/zero > /disk/file; ${forever}`, { volumeMounts: [{ name: 'disk', mountPath: '/disk' }] })], { volumes }));
  // Looked at with everything else that is listed again.
  const pod = await pods.until('outgrown', isOver, 2 * relistPeriodMs);
  t.like(pod.status, { phase: 'Failed', reason: 'Evicted', message: 'Usage of EmptyDir volume "disk" exceeds the limit "1Mi". ' });
});

test('a volume that cannot be mounted says why; a wrong hostPath keeps the pod waiting', async (t) => {
  const spec = { volumes: [{ name: 'host', hostPath: { path: join(cluster.dataDir, 'nowhere'), type: 'Directory' } }] };
  await pods.create(podOf('nowhere', [shell(image, forever, { volumeMounts: [{ name: 'host', mountPath: '/host' }] })], spec));
  await until('the event', async () => /hostPath type check failed/.test(await cluster.client.text('GET', '/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dnowhere')));
  await pods.until('nowhere', (pod) => containerOf(pod)?.state?.waiting?.reason === 'ContainerCreating');
  mkdirSync(join(cluster.dataDir, 'nowhere'));
  t.true(isReady(await pods.until('nowhere', isReady, 25_000)));
});
