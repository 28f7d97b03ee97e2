/**
 * A service's frontends as elements of the proxy's maps (see ruleset.ts). Pure, but for the memory of places: an endpoint keeps
 * its index while it stays, so that one that comes or goes changes a handful of elements.
 */
import type { Endpoint, Frontend } from './frontends.ts';
import { type ChainSpec, chainName } from './ruleset.ts';

export type SetName =
  | 'services' | 'node_ports' | 'endpoints' | 'port_endpoints' | 'local_endpoints' | 'local_port_endpoints'
  | 'ids' | 'port_ids' | 'by_id' | 'refused' | 'refused_ports' | 'hairpin';

/** What a service has in the kernel: per set, key -> data; empty data for sets that are no maps. */
export type Elements = ReadonlyMap<SetName, ReadonlyMap<string, string>>;

/** What is remembered of a service from one time to the next. */
export interface Places {
  /** Per list of endpoints (frontend, and whether local): who has which index. */
  readonly lists: ReadonlyMap<string, readonly Endpoint[]>;
  /** `address . port` -> the number that clients with affinity are kept by. */
  readonly ids: ReadonlyMap<string, number>;
}

export const noPlaces: Places = { lists: new Map(), ids: new Map() };

export interface Placed {
  readonly elements: Elements;
  readonly places: Places;
  /** Chains that the elements lead to. */
  readonly chains: readonly ChainSpec[];
}

/** An index beyond would touch the bit of the mark that the plugin for host ports uses. */
export const endpointsMax = 8_192;

/** An endpoint as a map has it. */
export const target = ({ address, port }: Endpoint): string => `${address} . ${port}`;

/** Who stays keeps the place; who comes takes a free one; where places are left over the last ones move into the gaps. */
export const placeEndpoints = (before: readonly Endpoint[], now: readonly Endpoint[]): readonly Endpoint[] => {
  const coming = new Map(now.slice(0, endpointsMax).map((endpoint) => [target(endpoint), endpoint]));
  const places: (Endpoint | undefined)[] = before.map((endpoint) => {
    const stays = coming.get(target(endpoint));
    coming.delete(target(endpoint));
    return stays;
  });
  for (const endpoint of coming.values()) {
    const gap = places.indexOf(undefined);
    if (gap < 0) places.push(endpoint);
    else places[gap] = endpoint;
  }
  for (let gap = places.indexOf(undefined); gap >= 0; gap = places.indexOf(undefined)) {
    const last = places.pop();
    if (last !== undefined) places[gap] = last;
  }
  return places as Endpoint[];
};

class Writing {
  readonly elements = new Map<SetName, Map<string, string>>();
  readonly lists = new Map<string, readonly Endpoint[]>();
  readonly ids = new Map<string, number>();
  readonly chains: ChainSpec[] = [];
  readonly #before: Places;
  readonly #nextId: () => number;

  constructor(before: Places, nextId: () => number) {
    this.#before = before;
    this.#nextId = nextId;
  }

  put(set: SetName, key: string, data = ''): void {
    const elements = this.elements.get(set);
    if (elements) elements.set(key, data);
    else this.elements.set(set, new Map([[key, data]]));
  }

  /** Writes one list of endpoints below `key`; returns how many. */
  list(set: SetName, idSet: SetName | undefined, key: string, endpoints: readonly Endpoint[]): number {
    const name = `${set} ${key}`;
    const placed = placeEndpoints(this.#before.lists.get(name) ?? [], endpoints);
    this.lists.set(name, placed);
    for (const [index, endpoint] of placed.entries()) {
      if (endpoint.isLocal) this.put('hairpin', `${endpoint.address} . ${endpoint.address}`);
      if (idSet === undefined) this.put(set, `${key} . ${index}`, target(endpoint));
      else this.put(idSet, `${key} . ${index}`, String(this.#idOf(endpoint)));
    }
    return placed.length;
  }

  #idOf(endpoint: Endpoint): number {
    const key = target(endpoint);
    const id = this.ids.get(key) ?? this.#before.ids.get(key) ?? this.#nextId();
    this.ids.set(key, id);
    this.put('by_id', String(id), key);
    return id;
  }
}

const writeFrontend = (writing: Writing, frontend: Frontend): void => {
  const { address, protocol, port, reach, affinitySeconds } = frontend;
  const onNode = address === undefined;
  const key = onNode ? `${protocol} . ${port}` : `${address} . ${protocol} . ${port}`;
  const idSet = affinitySeconds === undefined ? undefined : onNode ? 'port_ids' : 'ids';
  const count = writing.list(onNode ? 'port_endpoints' : 'endpoints', idSet, key, frontend.endpoints);
  // Those within the cluster may have the whole; who comes from outside to a place without endpoints of its own is let wait.
  const localCount = reach === 'local' ? writing.list(onNode ? 'local_port_endpoints' : 'local_endpoints', undefined, key, frontend.localEndpoints) : 0;
  if (count === 0) {
    // Within the services' own range everything that was not translated is refused anyway.
    if (reach !== 'internal') writing.put(onNode ? 'refused_ports' : 'refused', key);
    return;
  }
  const chain: ChainSpec = { reach, onNode, count, localCount, affinitySeconds };
  writing.chains.push(chain);
  writing.put(onNode ? 'node_ports' : 'services', key, `goto ${chainName(chain)}`);
};

/**
 * @param before what this returned for the service the last time
 * @param nextId a number that no endpoint has
 */
export const elementsOf = (frontends: readonly Frontend[], before: Places, nextId: () => number): Placed => {
  const writing = new Writing(before, nextId);
  for (const frontend of frontends) writeFrontend(writing, frontend);
  return { elements: writing.elements, places: { lists: writing.lists, ids: writing.ids }, chains: writing.chains };
};
