/**
 * What all nodes are told alike, as sessions deliver it: services, their endpoints, and the other nodes. What was delivered
 * stays while no session is there. Everything on the node that serves services, names and routes follows from this.
 */
import type { NetworkChanges, ObjectName, Peer } from '../../proto/node-service.ts';
import type { EndpointSlice, KubeObject, Service } from '../../proto/resources/kubernetes.ts';
import { objectKey } from '../../proto/resources/meta.ts';

export type { Peer } from '../../proto/node-service.ts';

/** What changed since the last call; one frame's changes come together. */
export interface NetworkChange {
  /** `namespace/name` of the services that changed, or whose slices did. */
  readonly services: ReadonlySet<string>;
  readonly peers: boolean;
  /** With these changes the state of a session, or the kept one, is complete. */
  readonly complete: boolean;
}

export interface NetworkState {
  /** False until the first complete state: nothing may be torn down before. */
  readonly complete: boolean;
  service(key: string): Service | undefined;
  serviceKeys(): Iterable<string>;
  slicesOf(serviceKey: string): readonly EndpointSlice[];
  /** The other nodes, by name. */
  readonly peers: ReadonlyMap<string, Peer>;
  /** Nothing is told before the state is complete; then all of it is. */
  subscribe(onChange: (change: NetworkChange) => void): { close(): void };
}

/** Everything at one moment; the objects are shared and never change. */
export interface NetworkSnapshot {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly peers: readonly Peer[];
}

const serviceNameLabel = 'kubernetes.io/service-name';

const same = (one: KubeObject | undefined, other: KubeObject): boolean =>
  one?.metadata.uid === other.metadata.uid && one?.metadata.resourceVersion === other.metadata.resourceVersion;
const samePeer = (one: Peer | undefined, other: Peer): boolean => one?.address === other.address && one.podCidr === other.podCidr;
const keyOf = ({ kind, namespace, name }: ObjectName): string => `${kind}/${namespace}/${name}`;

/** The service that a slice belongs to; a slice without one belongs to none. */
const serviceKeyOf = ({ metadata }: EndpointSlice): string => `${metadata.namespace}/${metadata.labels?.[serviceNameLabel] ?? ''}`;

/** Without what nobody on a node reads and what is often larger than the rest. */
const parse = <T extends KubeObject>(bytes: Buffer): T => {
  const object = JSON.parse(String(bytes)) as T;
  delete object.metadata.managedFields;
  delete object.metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration'];
  return object;
};

export class NetworkStateStore implements NetworkState {
  readonly #nodeName: string;
  readonly #services = new Map<string, Service>();
  /** By `namespace/name`. */
  readonly #slices = new Map<string, EndpointSlice>();
  readonly #slicesByService = new Map<string, readonly EndpointSlice[]>();
  readonly #peers = new Map<string, Peer>();
  readonly #subscribers = new Set<(change: NetworkChange) => void>();
  /** Keys that this session has named, until it says that they are complete; undefined after. */
  #named: Set<string> | undefined;
  #complete = false;
  #touched = false;

  /** `nodeName` is this node's own, which is no peer. */
  constructor(nodeName: string) {
    this.#nodeName = nodeName;
  }

  get complete(): boolean {
    return this.#complete;
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  serviceKeys(): Iterable<string> {
    return this.#services.keys();
  }

  slicesOf(serviceKey: string): readonly EndpointSlice[] {
    return this.#slicesByService.get(serviceKey) ?? [];
  }

  subscribe(onChange: (change: NetworkChange) => void): { close(): void } {
    this.#subscribers.add(onChange);
    return { close: () => void this.#subscribers.delete(onChange) };
  }

  /** Takes what was kept of an earlier session; false when a session has delivered something already. */
  restore({ services, slices, peers }: NetworkSnapshot): boolean {
    if (this.#touched || this.#complete) return false;
    for (const service of services) this.#services.set(objectKey(service), service);
    for (const slice of slices) this.#putSlice(slice);
    for (const peer of peers) this.#peers.set(peer.name, peer);
    this.#complete = true;
    this.#tell(this.keys(), true, true);
    return true;
  }

  /** A session begins: what it does not name until it is complete is gone. */
  begin(): void {
    this.#named = new Set();
  }

  /** Throws SyntaxError for what is not JSON. */
  take({ services, slices, removed, peers, removedPeers, complete }: NetworkChanges): void {
    this.#touched = true;
    const changed = new Set<string>();
    let peersChanged = false;
    for (const bytes of services) this.#takeService(parse(bytes), changed);
    for (const bytes of slices) this.#takeSlice(parse(bytes), changed);
    for (const name of removed) this.#remove(name, changed);
    for (const peer of peers) peersChanged = this.#takePeer(peer) || peersChanged;
    for (const name of removedPeers) peersChanged = this.#peers.delete(name) || peersChanged;
    const completed = complete && this.#named !== undefined;
    if (completed) peersChanged = this.#removeUnnamed(changed) || peersChanged;
    if (completed && !this.#complete) {
      this.#complete = true;
      this.#tell(this.keys(), true, true);
    } else if (this.#complete && (completed || peersChanged || changed.size > 0)) this.#tell(changed, peersChanged, completed);
  }

  /** Of services, and of those that have slices only. */
  keys(): ReadonlySet<string> {
    return new Set([...this.#services.keys(), ...this.#slicesByService.keys()]);
  }

  #takeService(service: Service, changed: Set<string>): void {
    const key = objectKey(service);
    this.#named?.add(`Service/${key}`);
    if (same(this.#services.get(key), service)) return;
    this.#services.set(key, service);
    changed.add(key);
  }

  #takeSlice(slice: EndpointSlice, changed: Set<string>): void {
    const key = objectKey(slice);
    this.#named?.add(`EndpointSlice/${key}`);
    const before = this.#slices.get(key);
    if (same(before, slice)) return;
    if (before) changed.add(serviceKeyOf(before));
    this.#putSlice(slice);
    changed.add(serviceKeyOf(slice));
  }

  #takePeer(peer: Peer): boolean {
    const { name, address, podCidr } = peer;
    this.#named?.add(`Peer/${name}`);
    if (name === this.#nodeName || samePeer(this.#peers.get(name), peer)) return false;
    this.#peers.set(name, { name, address, podCidr });
    return true;
  }

  #putSlice(slice: EndpointSlice): void {
    this.#dropSlice(objectKey(slice));
    this.#slices.set(objectKey(slice), slice);
    const serviceKey = serviceKeyOf(slice);
    this.#slicesByService.set(serviceKey, [...this.slicesOf(serviceKey), slice]);
  }

  /** The service that it belonged to. */
  #dropSlice(key: string): string | undefined {
    const slice = this.#slices.get(key);
    if (slice === undefined) return undefined;
    this.#slices.delete(key);
    const serviceKey = serviceKeyOf(slice);
    const left = this.slicesOf(serviceKey).filter((other) => other !== slice);
    if (left.length > 0) this.#slicesByService.set(serviceKey, left);
    else this.#slicesByService.delete(serviceKey);
    return serviceKey;
  }

  #remove(name: ObjectName, changed: Set<string>): void {
    const key = `${name.namespace}/${name.name}`;
    this.#named?.delete(keyOf(name));
    if (name.kind === 'Service') {
      if (this.#services.delete(key)) changed.add(key);
      return;
    }
    const serviceKey = this.#dropSlice(key);
    if (serviceKey !== undefined) changed.add(serviceKey);
  }

  #removeUnnamed(changed: Set<string>): boolean {
    const named = this.#named ?? new Set();
    this.#named = undefined;
    for (const kind of ['Service', 'EndpointSlice'] as const) {
      for (const [key, { metadata }] of kind === 'Service' ? this.#services : this.#slices) {
        if (!named.has(`${kind}/${key}`)) this.#remove({ kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }, changed);
      }
    }
    const gone = [...this.#peers.keys()].filter((name) => !named.has(`Peer/${name}`));
    for (const name of gone) this.#peers.delete(name);
    return gone.length > 0;
  }

  #tell(services: ReadonlySet<string>, peers: boolean, complete: boolean): void {
    for (const onChange of this.#subscribers) onChange({ services, peers, complete });
  }
}
