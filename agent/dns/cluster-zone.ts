/**
 * What the cluster says to a question: Kubernetes' DNS specification, and where that leaves something open what CoreDNS does.
 * Pure. https://github.com/kubernetes/dns/blob/master/docs/specification.md
 */
import { BlockList, isIPv4 } from 'node:net';
import type { Answer } from 'dns-packet';
import type { Random } from '../../proto/process/random.ts';
import type { Service } from '../../proto/resources/kubernetes.ts';
import { dnsLimits } from '../limits.ts';
import type { Query } from './message.ts';
import { clusterAddresses, isAlias, isHeadless, type NamedEndpoint, type ServiceNames } from './service-names.ts';

export interface ZoneSettings {
  /** e.g. cluster.local */
  readonly clusterDomain: string;
  readonly dnsAddress: string;
  readonly podNetwork: string;
  readonly serviceNetwork: string;
}

export type ZoneAnswer =
  /** No records: the name exists, but nothing of that type. */
  | { readonly kind: 'found'; readonly answers: readonly Answer[]; readonly additionals?: readonly Answer[] }
  | { readonly kind: 'no-such-name' }
  /** Another name for a name that may be anywhere. */
  | { readonly kind: 'alias'; readonly target: string }
  /** Not a name of the cluster. */
  | { readonly kind: 'elsewhere' }
  /** Nobody has told yet which names there are. */
  | { readonly kind: 'unknown' };

const noData: ZoneAnswer = { kind: 'found', answers: [] };
const noSuchName: ZoneAnswer = { kind: 'no-such-name' };
const ttl = dnsLimits.recordTtlSeconds;
const reverseSuffix = '.in-addr.arpa';
/** Of the specification that is followed. */
const specificationVersion = '1.1.0';

const addressOfReverse = (name: string): string | undefined => {
  const address = name.slice(0, -reverseSuffix.length).split('.').reverse().join('.');
  return name.endsWith(reverseSuffix) && isIPv4(address) ? address : undefined;
};

const addressRecord = (name: string, data: string): Answer => ({ type: 'A', name, ttl, data });

export class ClusterZone {
  readonly #names: ServiceNames;
  readonly #settings: ZoneSettings;
  readonly #random: Random;
  /** Addresses of which nobody else can know names. */
  readonly #own = new BlockList();

  constructor(names: ServiceNames, settings: ZoneSettings, random: Random) {
    this.#names = names;
    this.#settings = { ...settings, clusterDomain: settings.clusterDomain.toLowerCase() };
    this.#random = random;
    for (const range of [settings.podNetwork, settings.serviceNetwork]) {
      const [address = '', bits] = range.split('/');
      this.#own.addSubnet(address, Number(bits), 'ipv4');
    }
  }

  /** Goes with every answer that has no records. */
  authority(): Answer {
    const { clusterDomain } = this.#settings;
    const times = { serial: 1, refresh: 7_200, retry: 1_800, expire: 86_400, minimum: dnsLimits.negativeTtlSeconds };
    return { type: 'SOA', name: clusterDomain, ttl: dnsLimits.negativeTtlSeconds, data: { mname: this.#server, rname: `hostmaster.${clusterDomain}`, ...times } };
  }

  answer({ name: asked, type }: Pick<Query, 'name' | 'type'>): ZoneAnswer {
    const name = asked.toLowerCase();
    const { clusterDomain } = this.#settings;
    if (name === clusterDomain) return this.#apex(asked, type);
    if (name.endsWith(`.${clusterDomain}`)) return this.#within(asked, name.slice(0, -clusterDomain.length - 1).split('.').reverse(), type);
    const address = addressOfReverse(name);
    return address === undefined ? { kind: 'elsewhere' } : this.#reverse(asked, address, type);
  }

  get #server(): string {
    return `ns.dns.${this.#settings.clusterDomain}`;
  }

  #apex(name: string, type: Query['type']): ZoneAnswer {
    if (type === 'SOA') return { kind: 'found', answers: [this.authority()] };
    if (type !== 'NS') return noData;
    return { kind: 'found', answers: [{ type: 'NS', name, ttl, data: this.#server }], additionals: [addressRecord(this.#server, this.#settings.dnsAddress)] };
  }

  /** `labels` from the right: svc, namespace, service, … */
  #within(name: string, labels: readonly string[], type: Query['type']): ZoneAnswer {
    const [kind = '', namespace, ...rest] = labels;
    if (kind === 'dns-version' && namespace === undefined) {
      return type === 'TXT' ? { kind: 'found', answers: [{ type, name, ttl, data: specificationVersion }] } : noData;
    }
    if (kind === 'dns' && (namespace === undefined || namespace === 'ns') && rest.length === 0) {
      return namespace === 'ns' ? this.#addresses(name, [this.#settings.dnsAddress], type) : noData;
    }
    if (kind !== 'svc' && kind !== 'pod') return noSuchName;
    if (namespace === undefined) return noData;
    if (kind === 'pod' && rest.length > 0) return this.#pod(name, rest, type);
    if (!this.#names.complete) return { kind: 'unknown' };
    if (rest.length === 0) return this.#names.hasNamespace(namespace) ? noData : noSuchName;
    return this.#service(name, namespace, rest, type);
  }

  /** The address is the name: whoever asks may ask for any. */
  #pod(name: string, [dashed = '', ...more]: readonly string[], type: Query['type']): ZoneAnswer {
    const address = dashed.replaceAll('-', '.');
    return more.length === 0 && isIPv4(address) ? this.#addresses(name, [address], type) : noSuchName;
  }

  #service(name: string, namespace: string, [serviceName = '', first, ...more]: readonly string[], type: Query['type']): ZoneAnswer {
    const key = `${namespace}/${serviceName}`;
    const service = this.#names.service(key);
    if (service === undefined) return noSuchName;
    if (isAlias(service)) return first === undefined ? { kind: 'alias', target: (service.spec?.externalName ?? '').replace(/\.$/, '') } : noSuchName;
    if (first === undefined) {
      if (type === 'SRV') return this.#targets(name, key, service, () => true);
      return this.#addresses(name, isHeadless(service) ? this.#names.endpoints(key).all.map(({ address }) => address) : clusterAddresses(service), type);
    }
    if (first.startsWith('_')) return this.#port(name, key, service, [first, ...more], type);
    const endpoints = more.length === 0 ? this.#names.endpoints(key).byLabel.get(first) : undefined;
    return endpoints ? this.#addresses(name, endpoints.map(({ address }) => address), type) : noSuchName;
  }

  /** `_port._proto`, of which `_proto` is the name above. */
  #port(name: string, key: string, service: Service, [protocol = '', port, ...more]: readonly string[], type: Query['type']): ZoneAnswer {
    const matches = (one: { readonly name?: string; readonly protocol?: string }): boolean =>
      `_${one.protocol ?? 'TCP'}`.toLowerCase() === protocol && (port === undefined || ((one.name ?? '') !== '' && `_${one.name}`.toLowerCase() === port));
    const endpointPorts = isHeadless(service) ? this.#names.endpoints(key).all.flatMap(({ ports }) => ports) : [];
    if (more.length > 0 || ![...(service.spec?.ports ?? []), ...endpointPorts].some(matches)) return noSuchName;
    return type === 'SRV' && port !== undefined ? this.#targets(name, key, service, matches) : noData;
  }

  /** SRV: the service itself, or each endpoint of a headless one, and their addresses. */
  #targets(name: string, key: string, service: Service, matches: (port: { readonly name?: string; readonly protocol?: string }) => boolean): ZoneAnswer {
    const [namespace, serviceName] = key.split('/');
    const host = `${serviceName}.${namespace}.svc.${this.#settings.clusterDomain}`;
    const found = isHeadless(service)
      ? this.#names.endpoints(key).all.flatMap(({ label, address, ports }) => ports.filter(matches).map(({ port = 0 }) => ({ target: `${label}.${host}`, address, port })))
      : (service.spec?.ports ?? []).filter(matches).flatMap(({ port }) => clusterAddresses(service).map((address) => ({ target: host, address, port })));
    const targets = this.#shuffled(found).slice(0, dnsLimits.answersMax);
    const weight = Math.max(1, Math.floor(100 / targets.length));
    return {
      kind: 'found',
      answers: targets.map(({ target, port }) => ({ type: 'SRV', name, ttl, data: { target, port, priority: 0, weight } })),
      additionals: [...new Map(targets.map(({ target, address }) => [`${target} ${address}`, addressRecord(target, address)])).values()],
    };
  }

  #addresses(name: string, addresses: readonly string[], type: Query['type']): ZoneAnswer {
    if (type !== 'A' && type !== 'ANY') return noData;
    const each = this.#shuffled([...new Set(addresses)]).slice(0, dnsLimits.answersMax);
    return { kind: 'found', answers: each.map((address) => addressRecord(name, address)) };
  }

  #reverse(name: string, address: string, type: Query['type']): ZoneAnswer {
    const isOwn = this.#own.check(address);
    if (!this.#names.complete) return { kind: isOwn ? 'unknown' : 'elsewhere' };
    const keys = this.#names.keysAt(address);
    if (keys.length === 0) return isOwn ? noSuchName : { kind: 'elsewhere' };
    if (type !== 'PTR' && type !== 'ANY') return noData;
    const answers = keys.flatMap((key) => this.#hostsAt(key, address)).map((data): Answer => ({ type: 'PTR', name, ttl, data }));
    return { kind: 'found', answers };
  }

  #hostsAt(key: string, address: string): readonly string[] {
    const [namespace, serviceName] = key.split('/');
    const host = `${serviceName}.${namespace}.svc.${this.#settings.clusterDomain}`;
    const service = this.#names.service(key);
    if (service === undefined || !isHeadless(service)) return [host];
    const labels = this.#names.endpoints(key).all.filter((endpoint: NamedEndpoint) => endpoint.address === address).map(({ label }) => label);
    return [...new Set(labels)].map((label) => `${label}.${host}`);
  }

  /** Every client another order, so that those who take the first spread. */
  #shuffled<T>(values: readonly T[]): T[] {
    const order = [...values];
    for (let at = order.length - 1; at > 0; at -= 1) {
      const other = Math.floor(this.#random.next() * (at + 1));
      [order[at], order[other]] = [order[other] as T, order[at] as T];
    }
    return order;
  }
}
