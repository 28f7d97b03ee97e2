/** What is in a pod's resolv.conf. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { runtimeLimits } from '../limits.ts';
import type { DnsConfig } from './cri-messages.ts';

/** The cluster's DNS, where the node has one. */
export interface ClusterDns {
  readonly servers: readonly string[];
  /** e.g. cluster.local */
  readonly domain: string;
}

export const parseResolvConf = (text: string): DnsConfig => {
  const config = { servers: [] as string[], searches: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.replace(/[#;].*$/, '').trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0]) config.servers.push(values[0]);
    // The last search line counts, as for the resolver.
    if (keyword === 'search' || keyword === 'domain') config.searches = values;
    if (keyword === 'options') config.options.push(...values);
  }
  return config;
};

const unique = (values: readonly string[]): string[] => [...new Set(values)];

const optionName = (option: string): string => option.split(':', 1)[0] ?? option;

/** The pod's own settings are added; of options with one name the pod's counts. */
const withPodSettings = (base: DnsConfig, own: NonNullable<Pod['spec']>['dnsConfig']): DnsConfig => {
  const options = (own?.options ?? []).map(({ name = '', value }) => (value === undefined || value === '' ? name : `${name}:${value}`));
  const overridden = new Set(options.map(optionName));
  return {
    servers: unique([...base.servers, ...(own?.nameservers ?? [])]).slice(0, runtimeLimits.nameserversMax),
    searches: unique([...base.searches, ...(own?.searches ?? [])]).slice(0, runtimeLimits.searchDomainsMax),
    options: [...base.options.filter((option) => !overridden.has(optionName(option))), ...options],
  };
};

/**
 * By dnsPolicy: Default is the host's, ClusterFirst the cluster's (on the host's network only with
 * ClusterFirstWithHostNet), None nothing; dnsConfig is added to each. Without a cluster DNS the host's takes its place.
 */
export const podDns = (pod: Pod, host: DnsConfig, cluster: ClusterDns | undefined): DnsConfig => {
  const policy = pod.spec?.dnsPolicy ?? 'ClusterFirst';
  const own = pod.spec?.dnsConfig;
  if (policy === 'None') return withPodSettings({ servers: [], searches: [], options: [] }, own);
  const wantsCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec?.hostNetwork);
  if (!cluster || !wantsCluster) return withPodSettings(host, own);
  const { domain, servers } = cluster;
  const namespace = pod.metadata.namespace ?? 'default';
  const searches = [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...host.searches];
  return withPodSettings({ servers, searches, options: ['ndots:5'] }, own);
};
