/** A pod's hostname and its /etc/hosts. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { runtimeLimits } from '../limits.ts';
import { RuntimeFailure } from './runtime.ts';

/** spec.hostname or the pod's name, cut to what the kernel and DNS allow. */
export const shortHostname = (pod: Pod): string =>
  (pod.spec?.hostname || pod.metadata.name || '').slice(0, runtimeLimits.hostnameCharactersMax).replace(/[-.]+$/, '');

/** Empty where the pod has no subdomain. */
export const qualifiedHostname = (pod: Pod, clusterDomain: string): string =>
  pod.spec?.subdomain ? `${shortHostname(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : '';

/** What the kernel is told; empty on the host's network, which keeps the host's. Throws when a full name is too long. */
export const podHostname = (pod: Pod, clusterDomain: string): string => {
  if (pod.spec?.hostNetwork) return '';
  const qualified = qualifiedHostname(pod, clusterDomain);
  if (!pod.spec?.setHostnameAsFQDN || !qualified) return shortHostname(pod);
  // The kernel's limit is one more than that of a label.
  if (qualified.length > runtimeLimits.hostnameCharactersMax + 1) {
    throw new RuntimeFailure(
      'FailedCreatePodSandBox',
      `the full hostname ${qualified} is longer than ${runtimeLimits.hostnameCharactersMax + 1} characters, and the pod sets setHostnameAsFQDN`,
    );
  }
  return qualified;
};

const loopback = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::\tip6-localnet', 'ff02::1\tip6-allnodes', 'ff02::2\tip6-allrouters'];

/** The text of /etc/hosts: on the host's network the host's own, and the pod's hostAliases in any case. */
export const hostsFile = (pod: Pod, ips: readonly string[], clusterDomain: string, hostText: string): string => {
  const names = [qualifiedHostname(pod, clusterDomain), shortHostname(pod)].filter(Boolean).join('\t');
  const own = ips.map((ip) => `${ip}\t${names}`);
  const base = pod.spec?.hostNetwork ? [hostText.trimEnd()] : ['# Kept by Berth: changes are lost when a container starts.', ...loopback, ...own];
  const aliases = (pod.spec?.hostAliases ?? []).map(({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`);
  return `${[...base, ...aliases].join('\n')}\n`;
};
