import test from 'ava';
import { parseCgroupMounts, podCgroup } from '../../../../agent/runtime/cgroups.ts';
import { containerConfig } from '../../../../agent/runtime/container-config.ts';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import { sandboxConfig } from '../../../../agent/runtime/sandbox-config.ts';
import type { Container, Pod, PodSpec } from '../../../../proto/resources/kubernetes.ts';

const container = (fields: Partial<Container> = {}): Container => ({ name: 'main', image: 'app:1', ...fields });
const pod = (fields: Partial<Container> = {}, spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'team', uid: 'u-1' }, spec: { containers: [container(fields)], ...spec },
});
const sandbox = (one: Pod): ReturnType<typeof sandboxConfig> =>
  sandboxConfig(one, { attempt: 2, logDirectory: '/l', cgroupParent: '/g', dns: { servers: [], searches: [], options: [] }, clusterDomain: 'cluster.local', profilesDir: '/p' });
const configured = (fields: Partial<Container> = {}, spec: Partial<PodSpec> = {}, imageUser = {}): ReturnType<typeof containerConfig> =>
  containerConfig(pod(fields, spec), container(fields), {
    attempt: 1,
    image: { ref: 'docker.io/library/app:1', imageId: 'app@sha256:1', pulled: false, durationMs: 0, sizeBytes: 0 },
    imageUser,
    environment: new Map([['A', 'b']]),
    mounts: [],
    nodeMemoryBytes: 1e9,
    profilesDir: '/p',
  });

test('a sandbox is named by the pod, with its ports on the node and the default seccomp profile', (t) => {
  const ports = [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }, { containerPort: 53, hostPort: 53, protocol: 'UDP', hostIP: '127.0.0.1' }];
  const config = sandbox(pod({ ports }));
  t.deepEqual(config.metadata, { name: 'web', namespace: 'team', uid: 'u-1', attempt: 2 });
  t.deepEqual(config.labels, { 'io.kubernetes.pod.name': 'web', 'io.kubernetes.pod.namespace': 'team', 'io.kubernetes.pod.uid': 'u-1' });
  t.deepEqual(config.port_mappings, [
    { protocol: 'TCP', container_port: 80, host_port: 8080, host_ip: '' },
    { protocol: 'UDP', container_port: 53, host_port: 53, host_ip: '127.0.0.1' },
  ]);
  t.deepEqual(config.linux.security_context.namespace_options, { network: 'POD', pid: 'CONTAINER', ipc: 'POD' });
  t.deepEqual(config.linux.security_context.seccomp, { profile_type: 'RuntimeDefault' });
  const host = sandbox(pod({ ports, securityContext: { privileged: true } }, { hostNetwork: true, hostPID: true, hostIPC: true }));
  t.deepEqual(host.port_mappings, []);
  t.true(host.linux.security_context.privileged);
  t.deepEqual(host.linux.security_context.namespace_options, { network: 'NODE', pid: 'NODE', ipc: 'NODE' });
});

test('sysctls must be safe, and must not be the host’s', (t) => {
  const withSysctl = (name: string, spec: Partial<PodSpec> = {}): Pod => pod({}, { ...spec, securityContext: { sysctls: [{ name, value: '1' }] } });
  t.deepEqual(sandbox(withSysctl('net/ipv4/tcp_syncookies')).linux.sysctls, { 'net.ipv4.tcp_syncookies': '1' });
  t.throws(() => sandbox(withSysctl('kernel.sem')), { instanceOf: RuntimeFailure, message: 'forbidden sysctl: "kernel.sem" not allowlisted' });
  t.throws(() => sandbox(withSysctl('net.ipv4.tcp_syncookies', { hostNetwork: true })), { instanceOf: RuntimeFailure });
});

test('a container carries what it is found and judged by later', (t) => {
  const config = configured({ command: ['run', '$(A)'], args: ['$$(A)', '$(B)'], terminationMessagePolicy: 'FallbackToLogsOnError' });
  t.deepEqual([config.command, config.args], [['run', 'b'], ['$(A)', '$(B)']]);
  t.is(config.log_path, 'main/1.log');
  t.is(config.labels['io.kubernetes.container.name'], 'main');
  t.deepEqual(config.annotations, {
    'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
    'io.kubernetes.container.terminationMessagePolicy': 'FallbackToLogsOnError',
    'berth.dev/image': 'app:1',
    'berth.dev/image-id': 'app@sha256:1',
  });
});

test('the container’s security context wins over the pod’s', (t) => {
  const shared = { securityContext: { runAsUser: 1, runAsGroup: 2, fsGroup: 3, supplementalGroups: [4], seccompProfile: { type: 'Unconfined' } } };
  const security = configured({ securityContext: { runAsUser: 5, allowPrivilegeEscalation: false, capabilities: { add: ['CAP_NET_ADMIN'], drop: ['all'] } } }, shared).linux.security_context;
  t.like(security, { run_as_user: { value: 5 }, run_as_group: { value: 2 }, no_new_privs: true, seccomp: { profile_type: 'Unconfined' } });
  t.deepEqual(security.supplemental_groups, [4, 3]);
  t.deepEqual(security.capabilities, { add_capabilities: ['NET_ADMIN'], drop_capabilities: ['ALL'] });
  t.true(security.masked_paths.includes('/proc/kcore'));
  t.deepEqual(configured({ securityContext: { privileged: true } }).linux.security_context.masked_paths, []);
});

test('a group without a user is the image’s user in that group', (t) => {
  const group = { securityContext: { runAsGroup: 9 } };
  t.like(configured(group, {}, { uid: 7 }).linux.security_context, { run_as_user: { value: 7 }, run_as_group: { value: 9 } });
  t.like(configured(group, {}, { username: 'www' }).linux.security_context, { run_as_username: 'www', run_as_group: { value: 9 } });
  t.is(configured({}, {}, { uid: 7 }).linux.security_context.run_as_user, undefined);
});

test('seccomp profiles of the node are found by name only below their folder', (t) => {
  const profile = (localhostProfile: string): unknown => configured({ securityContext: { seccompProfile: { type: 'Localhost', localhostProfile } } }).linux.security_context.seccomp;
  t.deepEqual(profile('a/b.json'), { profile_type: 'Localhost', localhost_ref: '/p/a/b.json' });
  t.throws(() => profile('../etc/x.json'), { instanceOf: RuntimeFailure });
});

test('cgroup hierarchies are told apart: v1, v2, and both', (t) => {
  const v2 = '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw';
  t.is(parseCgroupMounts(v2).v2, '/sys/fs/cgroup');
  t.is(parseCgroupMounts(v2).v1.size, 0);
  const hybrid = ['31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct', '32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory', '33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw'].join('\n');
  t.deepEqual([...parseCgroupMounts(hybrid).v1], [['cpu', '/sys/fs/cgroup/cpu,cpuacct'], ['memory', '/sys/fs/cgroup/memory']]);
  t.is(podCgroup('/b', pod()), '/b/besteffort/podu-1');
  t.is(podCgroup('/b', pod({ resources: { limits: { cpu: '1', memory: '1M' } } })), '/b/podu-1');
});
