/** Whatever state a local cluster is left in, `up` mends it and `down` removes it; what is not its own stays. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { clusterProcesses, kill, processesWith, supervised } from '../../cli/local/processes.ts';
import { paths } from '../../cli/local/settings.ts';
import { nodeKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { type ClusterFixture, startCluster } from '../fixtures/cluster.ts';
import { freePorts } from '../fixtures/free-ports.ts';

interface Context {
  cluster: ClusterFixture;
  /** Programs of somebody else's on this machine. */
  foreign: { pids: number[]; dir: string };
}

const test = anyTest.serial as TestFn<Context>;
const berth = fileURLToPath(new URL('../../deploy/berth', import.meta.url));
const names = ['controller', 'etcd', 'node-1-agent', 'node-1-containerd', 'registry'];

/** An etcd and a containerd as others have them, to be the same afterwards. */
const startForeign = async (): Promise<Context['foreign']> => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-foreign-'));
  writeFileSync(join(dir, 'containerd.toml'), `version = 2\nroot = "${dir}/root"\nstate = "${dir}/state"\n[grpc]\n  address = "${dir}/containerd.sock"\n`);
  const [client = '', peer = ''] = (await freePorts(2)).map((port) => `http://127.0.0.1:${port}`);
  const programs = [
    spawn('etcd', ['--data-dir', `${dir}/etcd`, '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer], { stdio: 'ignore' }),
    spawn('containerd', ['--config', join(dir, 'containerd.toml')], { stdio: 'ignore' }),
  ];
  return { dir, pids: programs.map((program) => program.pid ?? 0) };
};

test.before(async (t) => {
  t.context.foreign = await startForeign();
  t.context.cluster = await startCluster();
});

test.after.always(async (t) => {
  await t.context.cluster?.stop();
  await kill(t.context.foreign?.pids ?? [], systemClock);
  if (t.context.foreign) rmSync(t.context.foreign.dir, { recursive: true, force: true });
});

const foldersOf = ({ dataDir }: ClusterFixture): { run: string; logs: string } => paths(dataDir);

/** Each process once, each with its supervisor, and a node that is ready. */
const isWhole = async (t: ExecutionContext<Context>): Promise<void> => {
  const { cluster } = t.context;
  t.deepEqual(supervised(foldersOf(cluster)).toSorted(), names);
  const node = await cluster.client.get<Node>(nodeKind, undefined, 'node-1');
  t.is(node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status, 'True');
};

const upAgain = async (t: ExecutionContext<Context>): Promise<void> => {
  const { cluster } = t.context;
  const { code, stderr } = await cluster.berth('up', '--data-dir', cluster.dataDir);
  t.is(code, 0, stderr);
  await isWhole(t);
};

test('two ups at the same time wait for each other', async (t) => {
  const { cluster } = t.context;
  await cluster.berth('down', '--keep-data', '--data-dir', cluster.dataDir);
  const both = await Promise.all([1, 2].map(() => cluster.berth('up', '--data-dir', cluster.dataDir)));
  t.deepEqual(both.map(({ code }) => code), [0, 0], both.map(({ stderr }) => stderr).join('\n'));
  t.is(both.filter(({ stderr }) => stderr.includes('waiting for it')).length, 1);
  await isWhole(t);
});

test('an image is built for each value of an argument, and errors are told where they are', async (t) => {
  const { cluster, foreign } = t.context;
  const context = join(foreign.dir, 'image');
  mkdirSync(context);
  writeFileSync(join(context, 'Other'), 'FROM scratch\nARG VERSION=0\nENV VERSION=$VERSION\nCOPY file /file\n');
  writeFileSync(join(context, 'file'), 'x');
  const build = (...args: string[]): ReturnType<ClusterFixture['berth']> => cluster.berth('build', '--data-dir', cluster.dataDir, ...args, context);
  const get = async (path: string): Promise<{ config: { digest: string; Env: string[] } }> =>
    (await fetch(`http://${cluster.registry}/v2/image/${path}`, { headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' } })).json() as never;
  for (const version of ['1', '2']) {
    const { code, stderr } = await build('-t', `${cluster.registry}/image:${version}`, '-f', 'Other', '--build-arg', `VERSION=${version}`);
    t.is(code, 0, stderr);
    const { config } = await get(`blobs/${(await get(`manifests/${version}`)).config.digest}`);
    t.true(config.Env.includes(`VERSION=${version}`), config.Env.join(' '));
  }
  const none = await build('-t', `${cluster.registry}/image:3`);
  t.deepEqual([none.code, /^error: there is no Dockerfile in .*; name it with --file\n$/.test(none.stderr)], [2, true]);
  writeFileSync(join(context, 'Other'), `FROM ${cluster.registry}/absent:1\n`);
  const absent = await build('-t', `${cluster.registry}/image:3`, '-f', 'Other');
  t.is(absent.code, 1);
  t.regex(absent.stderr, /absent: manifest unknown[^]*error: building .*image:3 failed/);
  const away = await build('-t', `localhost:${(await freePorts(1))[0]}/image:3`, '-f', 'Other');
  t.regex(away.stderr, /^error: no registry answers at localhost:\d+; "sudo berth up" starts the local one\n$/);
});

test('a cluster’s options cannot change, and a taken port is told in one line', async (t) => {
  const { cluster } = t.context;
  const changed = await cluster.berth('up', '--data-dir', cluster.dataDir, '--api-port', '7000');
  t.is(changed.code, 2);
  t.regex(changed.stderr, /^error: .* was made with --api-port \d+ and cannot change to 7000; .*\n$/);
  const other = join(t.context.foreign.dir, 'other');
  const port = cluster.registry.split(':')[1] ?? '';
  const taken = await cluster.berth('up', '--data-dir', other, '--name', 'other', '--registry-port', port, '--api-port', String((await freePorts(1))[0]));
  t.is(taken.code, 1);
  t.is(taken.stderr.split('\n').filter((line) => line.startsWith('error:') && line.includes(`port ${port} (registry) is taken`)).length, 1, taken.stderr);
});

test('every killed process comes back by itself, and killed supervisors with the next up', async (t) => {
  const { cluster } = t.context;
  const programs = names.map((name) => cluster.pid(name));
  for (const pid of programs) process.kill(pid, 'SIGKILL');
  await upAgain(t);
  t.true(names.every((name) => !programs.includes(cluster.pid(name))));
  await kill(clusterProcesses(foldersOf(cluster)).filter((found) => found.isSupervisor).map((found) => found.pid), systemClock);
  t.deepEqual(supervised(foldersOf(cluster)), []);
  await upAgain(t);
});

test('an up that is cut off anywhere is finished by the next', async (t) => {
  const { cluster } = t.context;
  for (const [afterMs, signal] of [[250, 'SIGKILL'], [700, 'SIGINT'], [1_100, 'SIGKILL']] as const) {
    t.is((await cluster.berth('down', '--keep-data', '--data-dir', cluster.dataDir)).code, 0);
    const child = spawn(berth, ['up', '--data-dir', cluster.dataDir], { stdio: 'ignore', env: { ...process.env, KUBECONFIG: cluster.kubeconfig } });
    const exited = once(child, 'exit');
    await systemClock.sleep(afterMs);
    child.kill(signal);
    await exited;
    await upAgain(t);
  }
});

test('after a power cut, with stale files and no namespaces, up starts all again', async (t) => {
  const { cluster } = t.context;
  const stale = ['etcd.pid', 'etcd.supervisor'].map((file) => join(paths(cluster.dataDir).run, file));
  await kill(clusterProcesses(foldersOf(cluster)).map((found) => found.pid), systemClock);
  await kill(processesWith(`-address ${paths(cluster.dataDir).run}/`), systemClock);
  execFileSync('ip', ['netns', 'del', `${cluster.prefix}-node-1`]);
  execFileSync('ip', ['link', 'del', `${cluster.prefix}0`]);
  execFileSync('nft', ['delete', 'table', 'inet', cluster.prefix], { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
  // Pids are used again: these lead to a stranger now.
  for (const file of stale) writeFileSync(file, `${t.context.foreign.pids[0]}\n`);
  await upAgain(t);
});

test('the cluster outlives the terminal that it was started from', async (t) => {
  const { cluster } = t.context;
  await cluster.berth('down', '--keep-data', '--data-dir', cluster.dataDir);
  const terminal = spawn('script', ['-qec', `${berth} up --data-dir ${cluster.dataDir}; sleep 1000`, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
  });
  let shown = '';
  for await (const chunk of terminal.stdout) {
    shown += String(chunk);
    // The last step; closing the terminal sends SIGHUP to all that belong to it.
    if (/kubeconfig.*context/s.test(shown)) break;
  }
  terminal.kill('SIGKILL');
  await isWhole(t);
});

test('what others keep in the data directory stays, also behind a mount', async (t) => {
  const { cluster, foreign } = t.context;
  const outside = join(foreign.dir, 'precious');
  const mountPoint = join(paths(cluster.dataDir).nodes, 'mounted');
  mkdirSync(outside);
  mkdirSync(mountPoint);
  writeFileSync(join(outside, 'file'), 'kept');
  writeFileSync(join(cluster.dataDir, 'letter.txt'), 'mine');
  execFileSync('mount', ['--bind', outside, mountPoint]);
  const { code, stderr } = await cluster.berth('down', '--data-dir', cluster.dataDir);
  t.is(code, 0, stderr);
  t.is(readFileSync(join(outside, 'file'), 'utf8'), 'kept');
  t.is(readFileSync(join(cluster.dataDir, 'letter.txt'), 'utf8'), 'mine');
  t.false(existsSync(paths(cluster.dataDir).settings));
  const again = await cluster.berth('down', '--data-dir', cluster.dataDir);
  t.deepEqual([again.code, again.stderr.includes('nothing to do')], [0, true]);
  await cluster.up();
});

test('a data directory deleted by hand does not keep down from removing what runs', async (t) => {
  const { cluster } = t.context;
  for (const path of ['cluster.json', 'pki', 'log', 'config', 'etcd', 'registry']) rmSync(join(cluster.dataDir, path), { recursive: true, force: true });
  const { code, stderr } = await cluster.berth('down', '--data-dir', cluster.dataDir);
  t.is(code, 0, stderr);
  t.deepEqual(clusterProcesses(foldersOf(cluster)), []);
  t.false(readFileSync('/proc/self/mountinfo', 'utf8').includes(cluster.dataDir));
  t.false(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' }).includes(cluster.prefix));
  rmSync(cluster.kubeconfig, { force: true });
});

test('programs of others on this machine go on undisturbed', (t) => {
  for (const pid of t.context.foreign.pids) t.notThrows(() => process.kill(pid, 0));
});
