/** Security contexts of pod and container as CRI takes them. Pure. */
import { posix } from 'node:path';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import type { ContainerSecurity, NamespaceOption, SecurityProfile } from './cri-messages.ts';
import { RuntimeFailure, type StartFailure } from './runtime.ts';

/** What the image says of its user: a number, a name, or nothing, which is root. */
export interface ImageUser {
  readonly uid?: number;
  readonly username?: string;
}

/** What a container does not see of /proc and /sys, and what it sees but cannot change. */
const maskedPaths = [
  '/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
  '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Sysctls that are namespaced and that nobody can harm others with. */
const safeSysctls: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem',
]);

export const namespaceOptions = (pod: Pod): NamespaceOption => ({
  network: pod.spec?.hostNetwork ? 'NODE' : 'POD',
  pid: pod.spec?.hostPID ? 'NODE' : pod.spec?.shareProcessNamespace ? 'POD' : 'CONTAINER',
  ipc: pod.spec?.hostIPC ? 'NODE' : 'POD',
});

const dottedName = (sysctl: string): string => sysctl.replaceAll('/', '.');

/** Why the pod's sysctls are refused: one is not safe, or would change the host's own; undefined when they are not. */
export const forbiddenSysctl = ({ spec }: Pod): string | undefined => {
  for (const { name } of spec?.securityContext?.sysctls ?? []) {
    const dotted = dottedName(name);
    if (!safeSysctls.has(dotted)) return `forbidden sysctl: "${dotted}" not allowlisted`;
    const isNetwork = dotted.startsWith('net.');
    if (isNetwork ? spec?.hostNetwork : spec?.hostIPC) return `forbidden sysctl: "${dotted}" not allowed with host ${isNetwork ? 'net' : 'ipc'} enabled`;
  }
  return undefined;
};

/** Throws FailedCreatePodSandBox for those that are forbidden. */
export const podSysctls = (pod: Pod): Record<string, string> => {
  const forbidden = forbiddenSysctl(pod);
  if (forbidden) throw new RuntimeFailure('FailedCreatePodSandBox', forbidden);
  return Object.fromEntries((pod.spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [dottedName(name), value]));
};

interface SeccompProfile {
  readonly type: string;
  readonly localhostProfile?: string;
}

/** RuntimeDefault unless said otherwise: stricter than Kubernetes' default, on purpose. */
export const seccomp = (profile: SeccompProfile | undefined, profilesDir: string, reason: StartFailure): SecurityProfile => {
  if (profile?.type === 'Unconfined') return { profile_type: 'Unconfined' };
  if (profile?.type !== 'Localhost') return { profile_type: 'RuntimeDefault' };
  const path = posix.join(profilesDir, profile.localhostProfile ?? '');
  if (!profile.localhostProfile || !path.startsWith(`${profilesDir}/`)) {
    throw new RuntimeFailure(reason, `seccomp profile ${JSON.stringify(profile.localhostProfile ?? '')} is not below the node's profile folder`);
  }
  return { profile_type: 'Localhost', localhost_ref: path };
};

/** fsGroup counts as a supplemental group, so that processes may use what it owns. */
export const supplementalGroups = (pod: Pod): number[] => {
  const context = pod.spec?.securityContext;
  return [...(context?.supplementalGroups ?? []), ...(context?.fsGroup === undefined ? [] : [context.fsGroup])];
};

/** Throws CreateContainerConfigError when runAsNonRoot is asked for and root, or who knows who, would run. */
const checkNonRoot = (container: Container, runAsUser: number | undefined, image: ImageUser): void => {
  const fail = (why: string): never => {
    throw new RuntimeFailure('CreateContainerConfigError', `container ${container.name}: ${why}`);
  };
  if (runAsUser === 0) fail("container's runAsUser breaks non-root policy");
  if (runAsUser !== undefined) return;
  if (image.username) fail(`container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`);
  if ((image.uid ?? 0) === 0) fail('container has runAsNonRoot and image will run as root');
};

/** `profilesDir` holds seccomp profiles of type Localhost. */
export const containerSecurity = (pod: Pod, container: Container, image: ImageUser, profilesDir: string): ContainerSecurity => {
  const own = container.securityContext;
  const shared = pod.spec?.securityContext;
  const runAsUser = own?.runAsUser ?? shared?.runAsUser;
  const runAsGroup = own?.runAsGroup ?? shared?.runAsGroup;
  if (own?.runAsNonRoot ?? shared?.runAsNonRoot) checkNonRoot(container, runAsUser, image);
  // CRI takes a group only together with a user; the image's own is meant where the pod names none.
  const needsUser = runAsGroup !== undefined && runAsUser === undefined;
  const uid = runAsUser ?? (needsUser && !image.username ? (image.uid ?? 0) : undefined);
  const unmasked = own?.privileged || own?.procMount === 'Unmasked';
  const withoutPrefix = (names: readonly string[] | undefined): string[] => (names ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ''));
  return {
    capabilities: { add_capabilities: withoutPrefix(own?.capabilities?.add), drop_capabilities: withoutPrefix(own?.capabilities?.drop) },
    privileged: own?.privileged ?? false,
    namespace_options: namespaceOptions(pod),
    ...(uid === undefined ? {} : { run_as_user: { value: uid } }),
    ...(needsUser && image.username ? { run_as_username: image.username } : {}),
    ...(runAsGroup === undefined ? {} : { run_as_group: { value: runAsGroup } }),
    readonly_rootfs: own?.readOnlyRootFilesystem ?? false,
    supplemental_groups: supplementalGroups(pod),
    no_new_privs: own?.allowPrivilegeEscalation === false,
    masked_paths: unmasked ? [] : maskedPaths,
    readonly_paths: unmasked ? [] : readonlyPaths,
    seccomp: own?.privileged ? { profile_type: 'Unconfined' } : seccomp(own?.seccompProfile ?? shared?.seccompProfile, profilesDir, 'CreateContainerConfigError'),
  };
};
