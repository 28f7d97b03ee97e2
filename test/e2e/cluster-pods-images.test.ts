/** Where containers get their images from, and where what they print goes to. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { runtimeLimits } from '../../agent/limits.ts';
import { podKind, secretKind } from '../../proto/kinds.ts';
import { namespacePath } from '../../cli/local/host-network.ts';
import { paths, readSettings } from '../../cli/local/settings.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { type Child, run, until } from '../fixtures/child.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, containerOf, forever, isOver, isReady, podOf, shell, waitsFor } from '../fixtures/cluster-pods.ts';
import { busyboxImage, pushImage } from '../fixtures/images.ts';
import { registryPassword, registryUser, startRegistry } from '../fixtures/registry.ts';

const test = anyTest as TestFn;
const privatePort = 5999;
const privateHost = `localhost:${privatePort}`;
const dir = mkdtempSync(join(tmpdir(), 'berth-private-'));
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;
let registry: Child | undefined;
let privateImage: string;

test.before(async () => {
  cluster = await startCluster();
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  const settings = readSettings(cluster.dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  const enter = ['nsenter', `--net=${namespacePath(settings, 'node-1')}`];
  mkdirSync(join(dir, 'registry'));
  registry = await startRegistry({ dir: join(dir, 'registry'), port: privatePort, enter, isPrivate: true });
  privateImage = await pushImage({ dir: join(dir, 'build'), registry: privateHost, enter, credentials: `${registryUser}:${registryPassword}` }, busyboxImage);
  pods = await ClusterPods.open(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await registry?.stop();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const plain = (ref: string, more: Partial<Container> = {}): Pod['spec'] & object => ({ containers: [shell(ref, forever, more)] });
const eventsOf = async (name: string): Promise<{ type: string; reason: string; message: string }[]> =>
  (await cluster.client.json<{ items: { type: string; reason: string; message: string }[] }>('GET', `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`)).items;

test('an image that is not there is ErrImagePull, then ImagePullBackOff, with the reason in words', async (t) => {
  const missing = `${cluster.registry}/nothing:1`;
  await pods.create(podOf('missing', plain(missing).containers));
  const failed = containerOf(await pods.until('missing', waitsFor('ErrImagePull')))?.state?.waiting;
  t.regex(failed?.message ?? '', /not found/);
  t.notRegex(failed?.message ?? '', /^Failed to pull image/);
  const waiting = await pods.until('missing', waitsFor('ImagePullBackOff'));
  t.true(containerOf(waiting)?.state?.waiting?.message?.startsWith(`Back-off pulling image "${missing}"`));
  t.is(waiting.status?.phase, 'Pending');
  const events = await eventsOf('missing');
  const words = events.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
  t.true(words.includes(`Normal Pulling Pulling image "${missing}"`), words.join('\n'));
  t.is(words.filter((text) => text.startsWith(`Warning Failed Failed to pull image "${missing}": `) && !text.includes('": Failed to pull')).length, 1, words.join('\n'));
  t.true(words.includes('Warning Failed Error: ErrImagePull'), words.join('\n'));
});

test('a name that is no image, and one that may not be pulled, say so', async (t) => {
  await Promise.all([
    pods.create(podOf('invalid', plain('UPPER/case::').containers)),
    pods.create(podOf('never', plain(`${cluster.registry}/box:2`, { imagePullPolicy: 'Never' }).containers)),
  ]);
  const invalid = await pods.until('invalid', waitsFor('InvalidImageName'));
  t.regex(containerOf(invalid)?.state?.waiting?.message ?? '', /^Failed to apply default image tag "UPPER\/case::": couldn't parse image name/);
  const never = await pods.until('never', waitsFor('ErrImageNeverPull'));
  t.is(containerOf(never)?.state?.waiting?.message, `Container image "${cluster.registry}/box:2" is not present with pull policy of Never`);
});

test('an image is pulled once for many pods, by tag or digest, and found present afterwards', async (t) => {
  const fresh = await pushScript(cluster, 'fresh:1', 'exec sleep 3600\n');
  const names = [1, 2, 3, 4].map((index) => `fresh-${index}`);
  await Promise.all(names.map((name) => pods.start(podOf(name, plain(fresh).containers))));
  const asked = readFileSync(join(paths(cluster.dataDir).logs, 'node-1-containerd.log'), 'utf8').split('\n').filter((line) => line.endsWith(`msg="PullImage \\"${fresh}\\""`));
  t.is(asked.length, 1, 'containerd was asked for it once');
  await pods.start(podOf('fresh-later', plain(fresh).containers));
  t.true((await eventsOf('fresh-later')).some(({ message }) => message === `Container image "${fresh}" already present on machine`));
  const imageId = containerOf(pods.get('fresh-1'))?.imageID ?? '';
  t.regex(imageId, new RegExp(`^${cluster.registry}/fresh@sha256:[0-9a-f]{64}$`));
  const byDigest = await pods.start(podOf('by-digest', plain(imageId).containers));
  t.is(containerOf(byDigest)?.imageID, imageId);
  await pods.start(podOf('always', plain(fresh, { imagePullPolicy: 'Always' }).containers));
  t.true((await eventsOf('always')).some(({ message }) => message.startsWith(`Successfully pulled image "${fresh}"`)));
});

test('a private registry wants imagePullSecrets; when they come, the pod starts', async (t) => {
  await pods.create(podOf('private', plain(privateImage).containers, { imagePullSecrets: [{ name: 'registry' }] }));
  const refused = containerOf(await pods.until('private', waitsFor('ErrImagePull')))?.state?.waiting;
  t.regex(refused?.message ?? '', /authorization failed|no basic auth|unauthorized/i);
  const auth = Buffer.from(`${registryUser}:${registryPassword}`).toString('base64');
  const config = Buffer.from(JSON.stringify({ auths: { [privateHost]: { auth } } })).toString('base64');
  await cluster.client.create(secretKind, 'default', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'registry' }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': config } });
  const beganMs = Date.now();
  const other = pods.start(podOf('public', plain(image).containers)).then(() => Date.now() - beganMs);
  t.true(isReady(await pods.until('private', isReady)));
  const tookMs = Date.now() - beganMs;
  t.true(tookMs < 5_000 + 2 * (await other), `${tookMs} ms after the secret came`);
});

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
const kubectlLogs = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await cluster.run('kubectl', 'logs', ...args);
  if (code !== 0) throw new Error(stderr);
  return stdout;
};

test('kubectl logs: tail, since, bytes, timestamps; the file is in the CRI format', async (t) => {
  await pods.start(podOf('printer', [shell(image, `i=0; while [ $i -lt 50 ]; do i=$((i+1)); echo line $i; done; sleep 4; echo late >&2; sleep 0.2; echo end; ${forever}`)]));
  await pods.facts('printer');
  const all = lines(await kubectlLogs('printer'));
  t.is(all.length, 52);
  t.deepEqual(lines(await kubectlLogs('printer', '--tail=3')), ['line 50', 'late', 'end']);
  t.deepEqual(lines(await kubectlLogs('printer', '--tail=0')), []);
  t.is(lines(await kubectlLogs('printer', '--since=1h')).length, 52);
  t.is(await kubectlLogs('printer', '--limit-bytes=10'), all.join('\n').slice(0, 10));
  const stamped = lines(await kubectlLogs('printer', '--timestamps', '--tail=2'));
  t.true(stamped.every((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) /.test(line)), stamped.join('\n'));
  const time = stamped[0]?.split(' ')[0] ?? '';
  t.deepEqual(lines(await kubectlLogs('printer', `--since-time=${time}`)), ['late', 'end']);
  // Between the two parts of the log are four seconds: half of them are for the request.
  const sinceSeconds = Math.ceil((Date.now() - Date.parse(time)) / 1000 + 1.5);
  t.deepEqual(lines(await pods.log('printer', { sinceSeconds })), ['late', 'end']);
  const uid = pods.get('printer')?.metadata.uid ?? '';
  const found = (await run('find', [cluster.dataDir, '-path', `*${uid}*`, '-name', '0.log'])).trim();
  t.regex(readFileSync(found, 'utf8').split('\n')[0] ?? '', /^\S+ stdout F line 1$/);
});

test('kubectl logs -f follows to the end of the container; --previous shows the run before', async (t) => {
  await pods.create(podOf('talker', [shell(image, 'for i in 1 2 3; do echo "run $(cat /proc/sys/kernel/random/uuid) $i"; sleep 0.5; done')], { restartPolicy: 'Never' }));
  await pods.until('talker', (pod) => containerOf(pod)?.state?.running !== undefined);
  const followed = lines(await kubectlLogs('-f', 'talker'));
  t.is(followed.length, 3);
  t.true(isOver(await pods.until('talker', isOver)));
  await pods.create(podOf('twice', [shell(image, 'echo "run $(cat /proc/sys/kernel/random/uuid)"; sleep 1; exit 1')]));
  await pods.until('twice', (pod) => containerOf(pod)?.restartCount === 1 && containerOf(pod)?.state?.running !== undefined);
  const previous = await kubectlLogs('--previous', 'twice');
  t.regex(previous, /^run \S+\n$/);
  t.not(await kubectlLogs('twice'), previous);
  const { code, stderr } = await cluster.run('kubectl', 'logs', '--previous', 'printer-of-nothing');
  t.is(code, 1);
  t.regex(stderr, /NotFound/);
});

test('a log that grows past its size is rotated while it is followed: no line is lost, none comes twice', async (t) => {
  const linesMax = 1_600;
  const write = `line=$(head -c 8000 /dev/zero | tr '\\0' x); i=0; while [ $i -lt ${linesMax} ]; do i=$((i+1)); echo $i $line; done`;
  const wait = (file: string): string => `until [ -e /tmp/${file} ]; do sleep 0.05; done`;
  await pods.start(podOf('chatty', [shell(image, `mkdir /tmp; echo 0; ${wait('write')}; ${write}; ${wait('end')}; echo ${linesMax + 1}`)], { restartPolicy: 'Never' }));
  const folder = join(cluster.dataDir, 'nodes', 'node-1', 'agent', 'logs', `default_chatty_${pods.get('chatty')?.metadata.uid}`, 'main');
  const files = (): string[] => readdirSync(folder).sort();
  const rotated = until('the log was rotated', () => files().length > 1, 60_000).then(() => pods.inside('chatty', 'touch /tmp/end'));
  const numbers: number[] = [];
  let rest = '';
  for await (const chunk of cluster.client.stream(objectPath(podKind, 'default', 'chatty', 'log'), { query: { follow: true } })) {
    // The log is followed before it grows: what was rotated away before is not shown to who comes later.
    if (numbers.length === 0) pods.inside('chatty', 'touch /tmp/write');
    const texts = (rest + chunk.toString()).split('\n');
    rest = texts.pop() ?? '';
    for (const text of texts) numbers.push(Number(text.split(' ')[0]));
  }
  await rotated;
  t.deepEqual(numbers, Array.from({ length: linesMax + 2 }, (_, index) => index));
  t.deepEqual(files().map((name) => name.replace(/\d{15}$/, 'time')), ['0.log', '0.log.time']);
  t.true(files().every((name) => statSync(join(folder, name)).size < 2 * runtimeLimits.logFileBytesMax));
  t.regex(readFileSync(join(folder, '0.log'), 'utf8'), new RegExp(`^\\S+ stdout F ${linesMax + 1}\\n$`, 'm'));
  t.is(await pods.log('chatty', { tailLines: 1 }), `${linesMax + 1}\n`);
});
