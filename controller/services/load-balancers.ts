/** Gives an address of the pool to load balancers that wait for one, when one becomes free. Writes: status.loadBalancer of services. */
import { serviceKind } from '../../proto/kinds.ts';
import type { Service } from '../../proto/resources/kubernetes.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from '../workloads/ignoring.ts';
import { type LoopParts, writesAs } from '../workloads/loop.ts';
import type { Reconciliation } from '../workloads/reconciler.ts';
import type { ServiceAllocator } from './allocator.ts';

const addressesOf = (service: Service | undefined): string[] => (service?.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);

const isWaiting = (service: Service): boolean =>
  service.spec?.type === 'LoadBalancer' && !service.spec.loadBalancerClass && addressesOf(service).length === 0;

export class LoadBalancers implements Reconciliation {
  readonly name = 'load-balancers';
  readonly kinds = [serviceKind];
  readonly #parts: LoopParts;
  readonly #allocator: Pick<ServiceAllocator, 'freeBalancer'>;
  readonly #waiting = new Set<string>();

  constructor(parts: LoopParts, allocator: Pick<ServiceAllocator, 'freeBalancer'>) {
    this.#parts = parts;
    this.#allocator = allocator;
  }

  reset(): void {
    this.#waiting.clear();
  }

  *keysOf({ type, stored, previous }: Change): Iterable<string> {
    const service = type === 'DELETED' ? undefined : (stored.object as Service);
    const isNew = !this.#waiting.has(stored.key);
    if (service && isWaiting(service)) this.#waiting.add(stored.key);
    else this.#waiting.delete(stored.key);
    const left = addressesOf(service);
    const isFreed = addressesOf(previous?.object as Service | undefined).some((ip) => !left.includes(ip));
    if (isFreed) yield* this.#waiting;
    else if (isNew && this.#waiting.has(stored.key)) yield stored.key;
  }

  /** One worker, so that one address is not meant for two. */
  async reconcile(key: string): Promise<void> {
    const { reader, verbs } = this.#parts;
    const service = reader.get<Service>(serviceKind, key)?.object;
    if (!service || !isWaiting(service)) return;
    const ip = this.#allocator.freeBalancer(service.spec?.loadBalancerIP);
    if (ip === undefined) return;
    await ignoring(['NotFound'], verbs.modify<Service>(
      serviceKind,
      key,
      (present) => (isWaiting(present) ? { ...present, status: { ...present.status, loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } } } : undefined),
      writesAs(this.name, 'status'),
    ));
  }
}
