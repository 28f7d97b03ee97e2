/** A pod's names and name resolution. */
import { isIP } from 'node:net';
import type { FieldError } from '../errors.ts';
import { broken, child, index, invalidValue, oneOf, type Path, required } from './field-error.ts';
import type { PodSpec } from './kubernetes.ts';
import { labelName, subdomainName } from './names.ts';

const nameserversMax = 3;
const searchesMax = 32;
const searchCharactersMax = 2048;
const dnsPolicies = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];

const validateIp = (address: string | undefined, path: Path): FieldError[] =>
  address && isIP(address) ? [] : [invalidValue(path, address ?? '', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];

/** Search domains may end in a dot and have underscores, unlike other subdomains. */
const searchDomain = (domain: string): string[] => (domain === '.' ? [] : subdomainName(domain.replace(/\.$/, '').replaceAll('_', '-').replace(/^-/, 'a')));

const validateDns = (spec: PodSpec, path: Path): FieldError[] => {
  const config = spec.dnsConfig;
  const errors = oneOf(child(path, 'dnsPolicy'), spec.dnsPolicy, dnsPolicies);
  const here = child(path, 'dnsConfig');
  const nameservers = config?.nameservers ?? [];
  const searches = config?.searches ?? [];
  if (spec.dnsPolicy === 'None') {
    if (!config) return [...errors, required(here, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    if (nameservers.length === 0) errors.push(required(child(here, 'nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  }
  if (nameservers.length > nameserversMax) {
    errors.push(invalidValue(child(here, 'nameservers'), nameservers, `must not have more than ${nameserversMax} nameservers`));
  }
  if (searches.length > searchesMax) errors.push(invalidValue(child(here, 'searches'), searches, `must not have more than ${searchesMax} search paths`));
  if (searches.join(' ').length > searchCharactersMax) {
    errors.push(invalidValue(child(here, 'searches'), searches, `must not have more than ${searchCharactersMax} characters (including spaces) in the search list`));
  }
  return [
    ...errors,
    ...nameservers.flatMap((address, at) => validateIp(address, index(child(here, 'nameservers'), at))),
    ...searches.flatMap((domain, at) => broken(index(child(here, 'searches'), at), domain, searchDomain)),
    ...(config?.options ?? []).flatMap(({ name }, at) => (name ? [] : [required(index(child(here, 'options'), at), 'must not be empty')])),
  ];
};

const validateAliases = (spec: PodSpec, path: Path): FieldError[] =>
  (spec.hostAliases ?? []).flatMap(({ ip, hostnames }, at) => {
    const here = index(path, at);
    return [
      ...validateIp(ip, child(here, 'ip')),
      ...(hostnames ?? []).flatMap((name, nameAt) => broken(index(child(here, 'hostnames'), nameAt), name, subdomainName)),
    ];
  });

/** `path` is that of the pod's spec. */
export const validatePodNetwork = (spec: PodSpec, path: Path): FieldError[] => [
  ...validateDns(spec, path),
  ...validateAliases(spec, child(path, 'hostAliases')),
  ...(spec.hostname ? broken(child(path, 'hostname'), spec.hostname, labelName) : []),
  ...(spec.subdomain ? broken(child(path, 'subdomain'), spec.subdomain, labelName) : []),
];
