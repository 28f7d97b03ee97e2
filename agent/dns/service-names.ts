/**
 * The names that services give, kept in step with the network's state. A change costs the services that it names; a question
 * costs its answer. Endpoints by name are worked out when first asked for, and forgotten when they change.
 */
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import type { NetworkState } from '../network/network-state.ts';

type Slice = EndpointSlice;

export interface NamedEndpoint {
  /** Its hostname, or its address with dashes. */
  readonly label: string;
  readonly address: string;
  readonly ports: NonNullable<Slice['ports']>;
}

export interface EndpointNames {
  /** Each address and label once, unless they differ in ports. */
  readonly all: readonly NamedEndpoint[];
  readonly byLabel: ReadonlyMap<string, readonly NamedEndpoint[]>;
}

export const isHeadless = ({ spec }: Service): boolean => spec?.clusterIP === 'None';

export const isAlias = ({ spec }: Service): boolean => spec?.type === 'ExternalName';

const isIpv4 = (address: string): boolean => address.includes('.');

export const clusterAddresses = ({ spec }: Service): readonly string[] =>
  isHeadless({ spec } as Service) ? [] : (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter(isIpv4);

const endpointsOf = (service: Service | undefined, slices: readonly Slice[]): readonly NamedEndpoint[] => {
  const found = new Map<string, NamedEndpoint>();
  for (const { addressType, endpoints, ports = [] } of slices) {
    if (addressType !== 'IPv4') continue;
    for (const { addresses, conditions, hostname } of endpoints ?? []) {
      // Absent means ready.
      if (conditions?.ready === false && !service?.spec?.publishNotReadyAddresses) continue;
      const address = addresses[0] ?? '';
      const label = (hostname ?? '') === '' ? address.replaceAll('.', '-') : (hostname ?? '').toLowerCase();
      // Of two slices with the same endpoint, as while it moves, one is enough; with other ports it is another one.
      found.set(`${label}/${address}/${ports.map(({ name, port, protocol }) => `${name}:${port}:${protocol}`).join()}`, { label, address, ports });
    }
  }
  return [...found.values()];
};

export class ServiceNames {
  readonly #state: NetworkState;
  readonly #subscription: { close(): void };
  /** By service; only of those that were asked for since they changed. */
  readonly #endpoints = new Map<string, EndpointNames>();
  /** Whose an address is: of a service itself, or of a headless one's endpoint. */
  readonly #keysByAddress = new Map<string, readonly string[]>();
  readonly #addressesByKey = new Map<string, readonly string[]>();
  readonly #servicesByNamespace = new Map<string, number>();

  constructor(state: NetworkState) {
    this.#state = state;
    if (state.complete) for (const key of state.serviceKeys()) this.#changed(key);
    this.#subscription = state.subscribe(({ services }) => {
      for (const key of services) this.#changed(key);
    });
  }

  /** False until it is known which names there are. */
  get complete(): boolean {
    return this.#state.complete;
  }

  close(): void {
    this.#subscription.close();
  }

  hasNamespace(namespace: string): boolean {
    return this.#servicesByNamespace.has(namespace);
  }

  service(key: string): Service | undefined {
    return this.#state.service(key);
  }

  /** The endpoints of a service that are ready, or all where it wants that. */
  endpoints(key: string): EndpointNames {
    const known = this.#endpoints.get(key);
    if (known) return known;
    const all = endpointsOf(this.#state.service(key), this.#state.slicesOf(key));
    const byLabel = new Map<string, NamedEndpoint[]>();
    for (const endpoint of all) {
      const same = byLabel.get(endpoint.label);
      if (same) same.push(endpoint);
      else byLabel.set(endpoint.label, [endpoint]);
    }
    const names = { all, byLabel };
    this.#endpoints.set(key, names);
    return names;
  }

  /** Services that have this address, or, headless, an endpoint with it. */
  keysAt(address: string): readonly string[] {
    return this.#keysByAddress.get(address) ?? [];
  }

  #changed(key: string): void {
    this.#endpoints.delete(key);
    const service = this.#state.service(key);
    const before = this.#addressesByKey.get(key);
    if ((before === undefined) !== (service === undefined)) this.#count(key.slice(0, key.indexOf('/')), service ? 1 : -1);
    for (const address of before ?? []) this.#unlink(address, key);
    if (service === undefined) {
      this.#addressesByKey.delete(key);
      return;
    }
    const addresses = isHeadless(service)
      ? [...new Set(endpointsOf(service, this.#state.slicesOf(key)).map(({ address }) => address))]
      : clusterAddresses(service);
    this.#addressesByKey.set(key, addresses);
    for (const address of addresses) this.#keysByAddress.set(address, [...this.keysAt(address), key]);
  }

  #unlink(address: string, key: string): void {
    const left = this.keysAt(address).filter((other) => other !== key);
    if (left.length > 0) this.#keysByAddress.set(address, left);
    else this.#keysByAddress.delete(address);
  }

  #count(namespace: string, by: number): void {
    const count = (this.#servicesByNamespace.get(namespace) ?? 0) + by;
    if (count > 0) this.#servicesByNamespace.set(namespace, count);
    else this.#servicesByNamespace.delete(namespace);
  }
}
