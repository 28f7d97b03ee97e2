/** What a container may see, use and be called, as it sees it itself. */
import { once } from 'node:events';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { hostAddress, readSettings } from '../../cli/local/settings.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { run } from '../fixtures/child.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { ClusterPods, containerOf, forever, isOver, podOf, shell, waitsFor } from '../fixtures/cluster-pods.ts';

const test = anyTest as TestFn;
let cluster: ClusterFixture;
let pods: ClusterPods;
let image: string;

test.before(async () => {
  cluster = await startCluster();
  image = await pushScript(cluster, 'box:1', 'exec sleep 3600\n');
  pods = await ClusterPods.open(cluster);
});

test.after.always(async () => {
  await pods?.close().catch(() => undefined);
  await cluster?.stop();
});

const namespaces = ['pid', 'net', 'ipc', 'uts', 'mnt'] as const;

/** Prints who and where it is, then goes on. */
const tell = `
for ns in ${namespaces.join(' ')}; do echo "ns_$ns=$(readlink /proc/self/ns/$ns)"; done
while read -r key value; do case $key in Uid:|Gid:|Groups:|Cap*|Seccomp:|NoNewPrivs:) echo "$key=$value";; esac; done < /proc/self/status
echo "oom=$(cat /proc/self/oom_score_adj)"; echo "hostname=$(hostname)"; echo "cwd=$(pwd)"
touch /written 2>/dev/null && echo root=writable || echo root=readonly
echo "init=$(tr '\\0' ' ' < /proc/1/cmdline)"
echo "port=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
sed 's/^/hosts /; s/[ \\t][ \\t]*/ /g' /etc/hosts; sed 's/^/resolv /' /etc/resolv.conf
echo end; ${forever}`;

const numbers = (text = ''): number[] => text.trim().split(/\s+/).map(Number);

const memoryBytes = (): number => Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;

test('a plain container has namespaces of its own, Kubernetes’ default capabilities and a seccomp filter', async (t) => {
  await pods.start(podOf('plain', [shell(image, tell)]));
  const facts = await pods.facts('plain');
  for (const namespace of namespaces) t.not(facts.get(`ns_${namespace}`), readlinkSync(`/proc/self/ns/${namespace}`), namespace);
  t.is(facts.get('hostname'), 'plain');
  t.is(facts.get('CapEff:'), '00000000a80425fb');
  t.is(facts.get('Seccomp:'), '2');
  t.is(facts.get('NoNewPrivs:'), '0');
  t.is(facts.get('root'), 'writable');
  t.is(facts.get('oom'), '1000');
  t.is(pods.get('plain')?.status?.qosClass, 'BestEffort');
  t.is(pods.cgroup('plain', 'cpu', 'cpu.shares', 'cpu.weight'), '2');
  t.is(pods.cgroup('plain', 'pids', 'pids.max', 'pids.max', 'pod'), '4096');
  const { podIP = '' } = pods.get('plain')?.status ?? {};
  const log = await pods.log('plain');
  t.regex(log, /^hosts 127\.0\.0\.1 localhost$/m);
  t.true(log.includes(`hosts ${podIP} plain`), log);
});

test('users, groups, capabilities, escalation and a read-only root are as asked', async (t) => {
  const main = shell(image, tell, {
    workingDir: '/tmp/below',
    securityContext: {
      runAsUser: 1234, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
    },
    volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
  });
  const spec = {
    hostname: 'somebody', subdomain: 'team',
    securityContext: { runAsUser: 1, runAsGroup: 2345, fsGroup: 3456, supplementalGroups: [4567], runAsNonRoot: true, sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }] },
    volumes: [{ name: 'scratch', emptyDir: {} }],
    hostAliases: [{ ip: '10.1.2.3', hostnames: ['db.local', 'cache.local'] }],
    dnsPolicy: 'None', dnsConfig: { nameservers: ['9.9.9.9'], searches: ['example.org'], options: [{ name: 'ndots', value: '3' }, { name: 'edns0' }] },
  };
  await pods.start(podOf('secured', [main], spec));
  const facts = await pods.facts('secured');
  t.deepEqual(numbers(facts.get('Uid:')), [1234, 1234, 1234, 1234]);
  t.deepEqual(numbers(facts.get('Gid:')), [2345, 2345, 2345, 2345]);
  t.true([3456, 4567].every((group) => numbers(facts.get('Groups:')).includes(group)), facts.get('Groups:'));
  t.is(facts.get('CapBnd:'), '0000000000000400');
  t.is(facts.get('NoNewPrivs:'), '1');
  t.is(facts.get('root'), 'readonly');
  t.is(facts.get('cwd'), '/tmp/below');
  t.is(facts.get('hostname'), 'somebody');
  t.is(facts.get('port'), '80');
  t.is(pods.inside('secured', 'stat -c "%g %a" /scratch'), '3456 2777');
  const log = await pods.log('secured');
  t.regex(log, /^hosts 10\.1\.2\.3 db\.local cache\.local$/m);
  t.regex(log, /^hosts \S+ somebody\.team\.default\.svc\.cluster\.local somebody$/m);
  t.deepEqual(log.split('\n').filter((line) => line.startsWith('resolv ')), ['resolv search example.org', 'resolv nameserver 9.9.9.9', 'resolv options ndots:3 edns0']);
});

test('a privileged container on the host’s namespaces shares them and has no filter', async (t) => {
  const main = shell(image, tell, { securityContext: { privileged: true } });
  const pod = await pods.start(podOf('host', [main], { hostNetwork: true, hostPID: true, hostIPC: true }));
  const facts = await pods.facts('host');
  const node = `/proc/${cluster.pid('node-1-agent')}/ns`;
  for (const namespace of ['pid', 'net', 'ipc']) t.is(facts.get(`ns_${namespace}`), readlinkSync(`${node}/${namespace}`), namespace);
  t.is(facts.get('Seccomp:'), '0');
  t.is(BigInt(`0x${facts.get('CapEff:')}`).toString(2).length > 32, true, facts.get('CapEff:'));
  t.is(pod.status?.podIP, pod.status?.hostIP);
});

test('seccomp is off where that is asked for, and a profile of the node holds where that one is', async (t) => {
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }] };
  writeFileSync(join(cluster.dataDir, 'nodes', 'node-1', 'agent', 'seccomp', 'no-folders.json'), JSON.stringify(profile));
  const confined = (name: string, seccompProfile: { type: string; localhostProfile?: string }): Container =>
    shell(image, `mkdir /made 2>/dev/null && echo made=yes || echo made=no; ${tell}`, { name, securityContext: { seccompProfile } });
  await pods.start(podOf('filters', [confined('main', { type: 'Unconfined' }), confined('other', { type: 'Localhost', localhostProfile: 'no-folders.json' })]));
  const [off, own] = [await pods.facts('filters'), await pods.facts('filters', 'other')];
  t.deepEqual([off.get('Seccomp:'), off.get('made')], ['0', 'yes']);
  t.deepEqual([own.get('Seccomp:'), own.get('made')], ['2', 'no']);
});

test('with shareProcessNamespace the pod’s containers see each other', async (t) => {
  const [one, two] = [shell(image, tell), shell(image, tell, { name: 'other' })];
  await pods.start(podOf('shared', [one, two], { shareProcessNamespace: true }));
  const [mine, theirs] = [await pods.facts('shared'), await pods.facts('shared', 'other')];
  t.is(mine.get('ns_pid'), theirs.get('ns_pid'));
  t.regex(mine.get('init') ?? '', /pause|catatonit/);
  t.not(mine.get('ns_mnt'), theirs.get('ns_mnt'));
});

test('requests and limits are cgroup settings, and decide who dies first', async (t) => {
  const all = { cpu: '250m', memory: '64Mi' };
  const guaranteed = podOf('guaranteed', [shell(image, tell, { resources: { requests: all, limits: all } })]);
  const burstable = podOf('burstable', [
    shell(image, tell, { resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '256Mi' } } }),
    shell(image, forever, { name: 'other' }),
  ]);
  await Promise.all([pods.start(guaranteed), pods.start(burstable)]);
  t.is(pods.get('guaranteed')?.status?.qosClass, 'Guaranteed');
  t.is(pods.get('burstable')?.status?.qosClass, 'Burstable');
  t.is(pods.cgroup('guaranteed', 'memory', 'memory.limit_in_bytes', 'memory.max'), String(64 * 2 ** 20));
  t.is(pods.cgroup('guaranteed', 'memory', 'memory.limit_in_bytes', 'memory.max', 'pod'), String(64 * 2 ** 20));
  t.is(pods.cgroup('guaranteed', 'cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0], '25000');
  t.is(pods.cgroup('guaranteed', 'cpu', 'cpu.shares', 'cpu.weight'), '256');
  t.is(pods.cgroup('burstable', 'memory', 'memory.limit_in_bytes', 'memory.max'), String(256 * 2 ** 20));
  t.is(pods.cgroup('burstable', 'cpu', 'cpu.shares', 'cpu.weight'), '102');
  t.is(pods.cgroup('burstable', 'cpu', 'cpu.cfs_quota_us', 'cpu.max').split(' ')[0]?.replace('max', '-1'), '-1');
  const expected = 1000 - Math.floor((1000 * 128 * 2 ** 20) / memoryBytes());
  t.is((await pods.facts('burstable')).get('oom'), String(Math.min(Math.max(expected, 3), 999)));
  // A host that may not lower scores (a container itself) leaves its own.
  t.true(['-997', readFileSync(`/proc/${cluster.pid('node-1-containerd')}/oom_score_adj`, 'utf8').trim()].includes((await pods.facts('guaranteed')).get('oom') ?? ''));
});

test('an init container counts alone, a sidecar beside all that come after it', async (t) => {
  const asking = (name: string, cpu: string, memory: string): Container => shell(image, 'true', { name, resources: { requests: { cpu, memory }, limits: { cpu, memory } } });
  const sidecar: Container = { ...asking('sidecar', '50m', '16Mi'), command: ['/bin/sh', '-c', forever], restartPolicy: 'Always' };
  const main: Container = { ...asking('main', '100m', '32Mi'), command: ['/bin/sh', '-c', forever] };
  await pods.start(podOf('peak', [main], { initContainers: [sidecar, asking('init', '250m', '96Mi')] }));
  t.is(pods.get('peak')?.status?.qosClass, 'Guaranteed');
  t.is(pods.cgroup('peak', 'memory', 'memory.limit_in_bytes', 'memory.max', 'pod'), String((16 + 96) * 2 ** 20));
  t.is(pods.cgroup('peak', 'cpu', 'cpu.cfs_quota_us', 'cpu.max', 'pod').split(' ')[0], '30000');
  t.is(pods.cgroup('peak', 'memory', 'memory.limit_in_bytes', 'memory.max'), String(32 * 2 ** 20));
  // More than any machine has, in one container after the other: no node takes it, though none of them runs for long.
  await pods.create(podOf('too-much', [shell(image, forever)], { initContainers: [asking('init', '100000', '16Mi')] }));
  const refused = await pods.until('too-much', (pod) => pod.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'False') === true);
  t.regex(refused.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '', /Insufficient cpu/);
});

test('what uses more memory than it may is OOMKilled, exit codes and signals are told, and messages are kept', async (t) => {
  const never = { restartPolicy: 'Never' };
  const hungry = shell(image, 'x=a; while :; do x=$x$x; done', { resources: { limits: { memory: '16Mi' } } });
  await Promise.all([
    pods.create(podOf('hungry', [hungry], never)),
    pods.create(podOf('code', [shell(image, 'echo because > /dev/termination-log; exit 7')], never)),
    pods.start(podOf('signal', [shell(image, forever)], never)),
    // The first process of a namespace is safe from signals; with the pod's processes in one, the container's is not the first.
    // Two dollars of a command are one of the shell's.
    pods.create(podOf('sigterm', [{ name: 'main', image, command: ['/bin/sh', '-c', 'kill -TERM $$$$; sleep 60'] }], { ...never, shareProcessNamespace: true })),
    pods.create(podOf('sigsegv', [{ name: 'main', image, command: ['/bin/sh', '-c', 'kill -SEGV $$$$; sleep 60'] }], { ...never, shareProcessNamespace: true })),
    pods.create(podOf('noted', [shell(image, 'echo last words; exit 3', { terminationMessagePolicy: 'FallbackToLogsOnError' })], never)),
    pods.create(podOf('absent', [{ name: 'main', image, command: ['/bin/no-such-program'] }], never)),
    pods.create(podOf('fine', [shell(image, 'exit 0')], never)),
  ]);
  process.kill(pods.pid('signal'), 'SIGKILL');
  const ended = async (name: string): Promise<Pod> => pods.until(name, isOver);
  const stateOf = async (name: string) => containerOf(await ended(name))?.state?.terminated;
  t.like(await stateOf('hungry'), { reason: 'OOMKilled', exitCode: 137 });
  t.like(await stateOf('code'), { reason: 'Error', exitCode: 7, message: 'because\n' });
  t.like(await stateOf('signal'), { reason: 'Error', exitCode: 137 });
  t.like(await stateOf('sigterm'), { reason: 'Error', exitCode: 128 + constants.signals.SIGTERM });
  t.like(await stateOf('sigsegv'), { reason: 'Error', exitCode: 128 + constants.signals.SIGSEGV });
  t.like(await stateOf('noted'), { reason: 'Error', exitCode: 3, message: 'last words\n' });
  t.like(await stateOf('absent'), { reason: 'StartError', exitCode: 128 });
  t.like(await stateOf('fine'), { reason: 'Completed', exitCode: 0 });
  t.is((await ended('fine')).status?.phase, 'Succeeded');
  t.is((await ended('code')).status?.phase, 'Failed');
});

test('runAsNonRoot refuses an image of root, and a sysctl that is not safe keeps the pod from starting', async (t) => {
  await pods.create(podOf('root', [shell(image, forever, { securityContext: { runAsNonRoot: true } })]));
  const refused = await pods.until('root', waitsFor('CreateContainerConfigError'));
  t.regex(containerOf(refused)?.state?.waiting?.message ?? '', /container has runAsNonRoot and image will run as root/);
  await pods.create(podOf('sysctl', [shell(image, forever)], { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }));
  const forbidden = await pods.until('sysctl', (pod) => isOver(pod) || pod.status?.reason !== undefined);
  t.is(forbidden.status?.reason, 'SysctlForbidden');
  t.is(forbidden.status?.phase, 'Failed');
});

test('what a pod sends beyond its node leaves with the node’s address; the pod is reached at its own', async (t) => {
  const pod = await pods.start(podOf('sender', [shell(image, `mkdir -p /www; echo hello > /www/index.html; httpd -p 8080 -h /www; ${forever}`, { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1, timeoutSeconds: 10 } })]));
  const settings = readSettings(cluster.dataDir);
  if (!settings) throw new Error('the cluster has no settings');
  const server = createServer((request, response) => response.end(request.socket.remoteAddress));
  server.listen(0, hostAddress(settings));
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { address, port } = server.address() as AddressInfo;
  const seen = await run('nsenter', ['-t', String(pods.pid('sender')), '-m', '-n', '--', '/bin/sh', '-c', `wget -q -O - http://${address}:${port}/`]);
  t.is(seen, pod.status?.hostIP ?? '');
  t.is(await (await fetch(`http://${pod.status?.podIP}:8080/`)).text(), 'hello\n');
});
