/**
 * Gives services their addresses and ports while they are written, so that the answer to the writer has them.
 *
 * What is free is known from the cache, and from what this controller is giving at the moment. That is only a good guess: other
 * controllers give too. Who really has something is decided by the claims that are written with the service
 * (store/claims.ts); a guess that lost is taken back and made again.
 */
import { ApiError, type FieldError, invalid } from '../../proto/errors.ts';
import { serviceKind } from '../../proto/kinds.ts';
import type { Random } from '../../proto/process/random.ts';
import { index, invalidValue } from '../../proto/resources/field-error.ts';
import type { KubeObject, Service, ServiceSpec } from '../../proto/resources/kubernetes.ts';
import { objectKey } from '../../proto/resources/meta.ts';
import { givesNodePorts, headless, needsClusterIp, needsHealthCheckPort } from '../../proto/resources/service-needs.ts';
import type { Allocator, Given } from '../api/allocation.ts';
import type { ClaimsOf } from '../store/claims.ts';
import type { Reader, Subscription } from '../store/reader.ts';
import type { Change } from '../store/stored.ts';
import { addressNumber, addressText, isWithin, type NumberRange, pickFree, reservedCount } from './number-range.ts';
import { addressClaim, balancerClaim, nodePortClaim, serviceClaims, type ServiceNetwork } from './service-network.ts';

const addressIsTaken = 'provided IP is already allocated';
const portIsTaken = 'provided port is already allocated';
const outOfRange = (what: string, { text }: NumberRange): string => `provided ${what} is not in the valid range. The range of valid ${what}s is ${text}`;

const isFull = (what: string): ApiError => new ApiError('InternalError', `Internal error occurred: failed to allocate a ${what}: range is full`);

export class ServiceAllocator implements Allocator {
  readonly #network: ServiceNetwork;
  readonly #claimsOf: ClaimsOf;
  readonly #random: Random;
  readonly #subscription: Subscription;
  /** Claim -> key of its service. */
  readonly #taken = new Map<string, string>();
  /** Claims of writes under way. */
  readonly #giving = new Set<string>();

  constructor({ reader, random, network }: { readonly reader: Reader; readonly random: Random; readonly network: ServiceNetwork }) {
    this.#network = network;
    this.#random = random;
    this.#claimsOf = serviceClaims(network);
    this.#subscription = reader.subscribe([serviceKind], (changes) => changes.forEach((change) => this.#follow(change)));
  }

  close(): void {
    this.#subscription.close();
  }

  give(object: KubeObject, before: KubeObject | undefined, warn: (text: string) => void): Given {
    const service = object as Service;
    const spec = (service.spec ??= {});
    const old = before as Service | undefined;
    const errors = this.#misplaced(service, old);
    if (errors.length > 0) throw invalid(serviceKind, service.metadata.name ?? '', errors);
    const picked = new Set<string>();
    const pick = (claim: string): void => {
      picked.add(claim);
      this.#giving.add(claim);
    };
    const end = (): void => picked.forEach((claim) => this.#giving.delete(claim));
    try {
      if (needsClusterIp(spec) && !spec.clusterIP) {
        spec.clusterIP = this.#pickAddress();
        spec.clusterIPs = [spec.clusterIP];
        pick(addressClaim(spec.clusterIP));
      }
      if (givesNodePorts(spec)) this.#giveNodePorts(spec, pick);
      if (needsHealthCheckPort(spec) && !spec.healthCheckNodePort) {
        spec.healthCheckNodePort = this.#pickPort();
        pick(nodePortClaim(spec.healthCheckNodePort));
      }
      if (spec.type === 'LoadBalancer') this.#giveBalancer(service, old, pick, warn);
    } catch (error) {
      end();
      throw error;
    }
    return { picked, end };
  }

  isTaken(claim: string, by: KubeObject): boolean {
    const owner = this.#taken.get(claim);
    return owner !== undefined && owner !== objectKey(by);
  }

  claimsOf(object: KubeObject): readonly string[] {
    return this.#claimsOf(object);
  }

  refusal(object: KubeObject, claims: readonly string[]): ApiError {
    const { metadata, spec } = object as Service;
    const errors: FieldError[] = [];
    for (const address of spec?.clusterIPs ?? []) {
      if (claims.includes(addressClaim(address))) errors.push(invalidValue('spec.clusterIPs', spec?.clusterIPs, `failed to allocate IP ${address}: ${addressIsTaken}`));
    }
    for (const [at, { nodePort = 0 }] of (spec?.ports ?? []).entries()) {
      if (claims.includes(nodePortClaim(nodePort))) errors.push(invalidValue(`${index('spec.ports', at)}.nodePort`, nodePort, portIsTaken));
    }
    const healthPort = spec?.healthCheckNodePort ?? 0;
    if (claims.includes(nodePortClaim(healthPort))) errors.push(invalidValue('spec.healthCheckNodePort', healthPort, portIsTaken));
    if (errors.length === 0) errors.push(invalidValue('status.loadBalancer.ingress', (object as Service).status?.loadBalancer?.ingress, addressIsTaken));
    return invalid(serviceKind, metadata.name ?? '', errors);
  }

  /** An address of the pool for a balancer that has none yet; what `loadBalancerIP` names, if it names one. Undefined when there is none. */
  freeBalancer(wanted: string | undefined): string | undefined {
    const pool = this.#network.balancerPool;
    if (!pool) return undefined;
    const isTaken = (number: number): boolean => this.#isKnown(balancerClaim(addressText(number)));
    if (!wanted) {
      const number = pickFree(pool, 0, isTaken, () => this.#random.next());
      return number === undefined ? undefined : addressText(number);
    }
    const number = addressNumber(wanted);
    return number !== undefined && isWithin(pool, number) && !isTaken(number) ? wanted : undefined;
  }

  #follow({ type, stored, previous }: Change): void {
    const held = type === 'DELETED' ? [] : this.#claimsOf(stored.object);
    for (const claim of previous ? this.#claimsOf(previous.object) : []) if (this.#taken.get(claim) === stored.key) this.#taken.delete(claim);
    for (const claim of held) this.#taken.set(claim, stored.key);
  }

  #isKnown(claim: string): boolean {
    return this.#taken.has(claim) || this.#giving.has(claim);
  }

  /** What the writer asked for and can never have. What the service has already is not asked for. */
  #misplaced(service: Service, old: Service | undefined): FieldError[] {
    const { clusterIps, nodePorts, reserved } = this.#network;
    const held = new Set(old ? this.#claimsOf(old) : []);
    const errors: FieldError[] = [];
    const { spec = {} } = service;
    for (const address of spec.clusterIPs ?? []) {
      if (address === headless || held.has(addressClaim(address))) continue;
      const owner = reserved.get(address);
      const wrong = !isWithin(clusterIps, addressNumber(address))
        ? outOfRange('IP', clusterIps)
        : owner !== undefined && owner !== objectKey(service) ? addressIsTaken : undefined;
      if (wrong) errors.push(invalidValue('spec.clusterIPs', spec.clusterIPs, `failed to allocate IP ${address}: ${wrong}`));
    }
    for (const [at, { nodePort }] of (spec.ports ?? []).entries()) {
      if (!nodePort || held.has(nodePortClaim(nodePort)) || isWithin(nodePorts, nodePort)) continue;
      errors.push(invalidValue(`${index('spec.ports', at)}.nodePort`, nodePort, outOfRange('port', nodePorts)));
    }
    const healthPort = spec.healthCheckNodePort;
    if (healthPort && !held.has(nodePortClaim(healthPort)) && !isWithin(nodePorts, healthPort)) {
      errors.push(invalidValue('spec.healthCheckNodePort', healthPort, outOfRange('port', nodePorts)));
    }
    return errors;
  }

  #pickAddress(): string {
    const { clusterIps, reserved } = this.#network;
    const isTaken = (number: number): boolean => {
      const address = addressText(number);
      return reserved.has(address) || this.#isKnown(addressClaim(address));
    };
    const number = pickFree(clusterIps, reservedCount(clusterIps, 16, 256), isTaken, () => this.#random.next());
    if (number === undefined) throw isFull('serviceIP');
    return addressText(number);
  }

  #pickPort(unless: ReadonlySet<number> = new Set()): number {
    const { nodePorts } = this.#network;
    const isTaken = (port: number): boolean => unless.has(port) || this.#isKnown(nodePortClaim(port));
    const port = pickFree(nodePorts, reservedCount(nodePorts, 32, 128), isTaken, () => this.#random.next());
    if (port === undefined) throw isFull('nodePort');
    return port;
  }

  /** Ports of one number but different protocols share a node port. */
  #giveNodePorts(spec: ServiceSpec, pick: (claim: string) => void): void {
    const ports = spec.ports ?? [];
    const named = new Set(ports.flatMap(({ nodePort }) => (nodePort ? [nodePort] : [])));
    for (const port of ports) {
      if (port.nodePort) continue;
      const isFree = (nodePort: number): boolean => !ports.some((other) => other.nodePort === nodePort && other.protocol === port.protocol);
      const twin = ports.find((other) => other.port === port.port && other.nodePort && isFree(other.nodePort))?.nodePort;
      port.nodePort = twin ?? this.#pickPort(named);
      if (twin === undefined) pick(nodePortClaim(port.nodePort));
    }
  }

  #giveBalancer(service: Service, old: Service | undefined, pick: (claim: string) => void, warn: (text: string) => void): void {
    const { balancerPool } = this.#network;
    const { spec = {} } = service;
    if (!balancerPool || spec.loadBalancerClass) return;
    const isMoved = old?.spec?.type === 'LoadBalancer' && (old.spec.loadBalancerIP ?? '') !== (spec.loadBalancerIP ?? '') && spec.loadBalancerIP;
    const present = service.status?.loadBalancer?.ingress ?? [];
    if (present.length > 0 && (!isMoved || present.some(({ ip }) => ip === spec.loadBalancerIP))) return;
    const ip = this.freeBalancer(spec.loadBalancerIP);
    service.status = { ...service.status, loadBalancer: ip === undefined ? {} : { ingress: [{ ip, ipMode: 'VIP' }] } };
    if (ip !== undefined) pick(balancerClaim(ip));
    else if (spec.loadBalancerIP) warn(`spec.loadBalancerIP: ${spec.loadBalancerIP} is not free in the pool ${balancerPool.text}; the service has no external address until it is`);
    else warn(`no address of the pool ${balancerPool.text} is free; the service has no external address until one is`);
  }
}
