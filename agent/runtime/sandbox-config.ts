/** A pod as CRI's sandbox configuration. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { DnsConfig, PortMapping, SandboxConfig } from './cri-messages.ts';
import { podHostname } from './hostname.ts';
import { podNameLabel, podNamespaceLabel, podUidLabel } from './labels.ts';
import { namespaceOptions, podSysctls, seccomp, supplementalGroups } from './security.ts';

export interface SandboxSettings {
  readonly attempt: number;
  readonly logDirectory: string;
  readonly cgroupParent: string;
  readonly dns: DnsConfig;
  readonly clusterDomain: string;
  /** Seccomp profiles of type Localhost. */
  readonly profilesDir: string;
}

export const podLabels = (pod: Pod): Record<string, string> => ({
  [podNameLabel]: pod.metadata.name ?? '',
  [podNamespaceLabel]: pod.metadata.namespace ?? '',
  [podUidLabel]: pod.metadata.uid ?? '',
});

/** On the host's network ports are the host's anyway, so nothing is mapped. */
const portMappings = (pod: Pod): PortMapping[] => {
  if (pod.spec?.hostNetwork) return [];
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
    .map(({ containerPort, hostPort = 0, hostIP = '', protocol = 'TCP' }) => ({
      protocol: protocol as PortMapping['protocol'],
      container_port: containerPort,
      host_port: hostPort,
      host_ip: hostIP,
    }));
};

/** Throws RuntimeFailure FailedCreatePodSandBox for a pod that cannot run here. */
export const sandboxConfig = (pod: Pod, settings: SandboxSettings): SandboxConfig => {
  const context = pod.spec?.securityContext;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const { metadata } = pod;
  return {
    metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: metadata.uid ?? '', attempt: settings.attempt },
    hostname: podHostname(pod, settings.clusterDomain),
    log_directory: settings.logDirectory,
    dns_config: settings.dns,
    port_mappings: portMappings(pod),
    labels: podLabels(pod),
    annotations: {},
    linux: {
      cgroup_parent: settings.cgroupParent,
      sysctls: podSysctls(pod),
      security_context: {
        namespace_options: namespaceOptions(pod),
        ...(context?.runAsUser === undefined ? {} : { run_as_user: { value: context.runAsUser } }),
        ...(context?.runAsGroup === undefined || context.runAsUser === undefined ? {} : { run_as_group: { value: context.runAsGroup } }),
        supplemental_groups: supplementalGroups(pod),
        // A privileged container is possible only in a privileged sandbox.
        privileged: containers.some(({ securityContext }) => securityContext?.privileged === true),
        seccomp: seccomp(context?.seccompProfile, settings.profilesDir, 'FailedCreatePodSandBox'),
      },
    },
  };
};
