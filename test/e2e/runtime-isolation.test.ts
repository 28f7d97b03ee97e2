import { existsSync, readFileSync } from 'node:fs';
import test from 'ava';
import { RuntimeFailure } from '../../agent/runtime/runtime.ts';
import { type RuntimeFixture, startRuntime } from '../fixtures/containerd-runtime.ts';
import { userImage } from '../fixtures/images.ts';

let fixture: RuntimeFixture;

test.before(async () => {
  fixture = await startRuntime();
});

test.after.always(async () => {
  await fixture?.stop();
});

const statusField = (text: string, field: string): string | undefined => new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1];

test('a plain container is confined: default capabilities, seccomp, its own namespaces and hostname', async (t) => {
  const running = await fixture.run(fixture.pod('plain', {}, { hostAliases: [{ ip: '10.9.9.9', hostnames: ['friend', 'mate'] }] }));
  const status = await fixture.sh(running, 'cat /proc/self/status');
  t.is(statusField(status, 'Seccomp'), '2');
  t.is(statusField(status, 'CapEff'), '00000000a80425fb');
  t.is(statusField(status, 'NoNewPrivs'), '0');
  t.is(await fixture.sh(running, 'hostname'), 'plain');
  const hosts = await fixture.sh(running, 'cat /etc/hosts');
  t.regex(hosts, new RegExp(`^${running.sandbox.ips[0]}\\tplain$`, 'm'));
  t.regex(hosts, /^10\.9\.9\.9\tfriend\tmate$/m);
  t.is(running.sandbox.ips.length, 1);
  t.not(await fixture.sh(running, 'readlink /proc/self/ns/net'), '');
  await fixture.end(running);
});

test('requests, limits and the number of processes are cgroup settings, the QoS class is an OOM score', async (t) => {
  const resources = { requests: { cpu: '250m', memory: '32Mi' }, limits: { cpu: '500m', memory: '64Mi' } };
  const running = await fixture.run(fixture.pod('resources', { resources }));
  const group = `${fixture.containerd.cgroupParent}/burstable/pod${running.uid}`;
  const isV1 = existsSync('/sys/fs/cgroup/memory');
  const read = async (controller: string, file: string): Promise<string> => fixture.sh(running, `cat /sys/fs/cgroup/${isV1 ? `${controller}/` : ''}${file}`);
  t.is(await read('memory', isV1 ? 'memory.limit_in_bytes' : 'memory.max'), String(64 << 20));
  if (isV1) {
    t.is(await read('cpu', 'cpu.shares'), '256');
    t.is(await read('cpu', 'cpu.cfs_quota_us'), '50000');
  } else {
    t.is(await read('cpu', 'cpu.max'), '50000 100000');
  }
  t.true(existsSync(`/sys/fs/cgroup${isV1 ? '/pids' : ''}${group}/pids.max`));
  const score = Number(await fixture.sh(running, 'cat /proc/1/oom_score_adj'));
  t.true(score > 900 && score < 1000, `${score}`);
  await fixture.end(running);
  t.false(existsSync(`/sys/fs/cgroup${isV1 ? '/pids' : ''}${group}`));
});

test('users, groups, dropped capabilities, no new privileges and a read-only root are the container’s own facts', async (t) => {
  const securityContext = { runAsUser: 1234, runAsGroup: 2345, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } };
  const running = await fixture.run(
    fixture.pod('confined', { securityContext }, { securityContext: { fsGroup: 3456, supplementalGroups: [4567], sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '80' }] } }),
  );
  const status = await fixture.sh(running, 'cat /proc/self/status');
  t.regex(statusField(status, 'Uid') ?? '', /^1234\t/);
  t.regex(statusField(status, 'Gid') ?? '', /^2345\t/);
  const groups = new Set((statusField(status, 'Groups') ?? '').trim().split(' '));
  t.true(groups.has('3456') && groups.has('4567'), [...groups].join(' '));
  t.is(statusField(status, 'CapBnd'), '0000000000000400');
  t.is(statusField(status, 'NoNewPrivs'), '1');
  t.is(await fixture.sh(running, 'touch /x 2>/dev/null && echo written || echo refused'), 'refused');
  t.is(await fixture.sh(running, 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start'), '80');
  await fixture.end(running);
});

test('a privileged container on the host’s network, process and IPC namespaces shares them', async (t) => {
  const running = await fixture.run(fixture.pod('host', { securityContext: { privileged: true } }, { hostNetwork: true, hostPID: true, hostIPC: true }));
  const status = await fixture.sh(running, 'cat /proc/self/status');
  t.is(statusField(status, 'Seccomp'), '0');
  // All that there are, or as many as whoever runs this test has.
  t.is(statusField(status, 'CapEff'), statusField(readFileSync('/proc/self/status', 'utf8'), 'CapEff'));
  t.regex(await fixture.sh(running, 'cat /proc/net/dev'), /node0/);
  t.is(await fixture.sh(running, `cat /proc/${process.pid}/status | grep -c ^Pid:`), '1', 'the process of this test is seen');
  await fixture.end(running);
});

test('with shareProcessNamespace containers see each other’s processes', async (t) => {
  const pod = fixture.pod('shared', { command: ['sleep', '1111'] }, { shareProcessNamespace: true });
  pod.spec?.containers.push({ name: 'other', image: fixture.containerd.busybox, command: ['sleep', '2222'] });
  const running = await fixture.run(pod);
  const processes = await fixture.sh(running, 'ps');
  t.regex(processes, /sleep 1111/);
  t.regex(processes, /sleep 2222/);
  await fixture.end(running);
});

test('runAsNonRoot refuses root and users of whom nobody knows who they are', async (t) => {
  const { containerd } = fixture;
  const named = await containerd.push(userImage('named:1', 'daemon', containerd.registry));
  const numbered = await containerd.push(userImage('numbered:1', '1000', containerd.registry));
  const start = (image: string, runAsUser?: number): Promise<unknown> =>
    fixture.run(fixture.pod(`non-root-${image.length}`, { image, securityContext: { runAsNonRoot: true, ...(runAsUser === undefined ? {} : { runAsUser }) } }));
  const root = await t.throwsAsync(start(containerd.busybox), { instanceOf: RuntimeFailure });
  t.is(root?.reason, 'CreateContainerConfigError');
  t.regex(root?.message ?? '', /container has runAsNonRoot and image will run as root/);
  await t.throwsAsync(start(named), { instanceOf: RuntimeFailure, message: /non-numeric user \(daemon\)/ });
  await t.throwsAsync(start(containerd.busybox, 0), { instanceOf: RuntimeFailure, message: /runAsUser breaks non-root policy/ });
  await t.notThrowsAsync(start(numbered));
});

test('a sysctl that is not safe keeps the pod from starting', async (t) => {
  const pod = fixture.pod('sysctl', {}, { securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } });
  const error = await t.throwsAsync(fixture.run(pod), { instanceOf: RuntimeFailure });
  t.is(error?.reason, 'FailedCreatePodSandBox');
});
