/** The slices of one manager in the cache, by service, and the way of a plan into them. */
import { endpointSliceKind } from '../../proto/kinds.ts';
import type { EndpointSlice } from '../../proto/resources/kubernetes.ts';
import { loopWritesMax } from '../limits.ts';
import type { Reader } from '../store/reader.ts';
import type { Change } from '../store/stored.ts';
import { forEachBounded } from '../workloads/batches.ts';
import { ignoring } from '../workloads/ignoring.ts';
import { type LoopParts, writesAs } from '../workloads/loop.ts';
import { managedByLabel, serviceNameLabel } from './slice-labels.ts';
import type { SlicePlan } from './slice-plan.ts';

/** `namespace/name` of the service that a slice belongs to. */
export const serviceOf = ({ metadata }: EndpointSlice): string => `${metadata.namespace ?? ''}/${metadata.labels?.[serviceNameLabel] ?? ''}`;

export class ManagedSlices {
  readonly #reader: Reader;
  readonly #manager: string;
  readonly #byService = new Map<string, Set<string>>();

  constructor(reader: Reader, manager: string) {
    this.#reader = reader;
    this.#manager = manager;
  }

  clear(): void {
    this.#byService.clear();
  }

  /** Follows a change of a slice; yields the services whose slices it changed. */
  *follow({ type, stored, previous }: Change): Iterable<string> {
    const [now, before] = [type === 'DELETED' ? undefined : (stored.object as EndpointSlice), previous?.object as EndpointSlice | undefined];
    if (before && this.#isOurs(before)) {
      const service = serviceOf(before);
      const keys = this.#byService.get(service);
      keys?.delete(stored.key);
      if (keys?.size === 0) this.#byService.delete(service);
      yield service;
    }
    if (now && this.#isOurs(now)) {
      const service = serviceOf(now);
      const keys = this.#byService.get(service);
      if (keys) keys.add(stored.key);
      else this.#byService.set(service, new Set([stored.key]));
      yield service;
    }
  }

  of(service: string): EndpointSlice[] {
    return [...(this.#byService.get(service) ?? [])].flatMap((key) => this.#reader.get<EndpointSlice>(endpointSliceKind, key)?.object ?? []);
  }

  #isOurs({ metadata }: EndpointSlice): boolean {
    return metadata.labels?.[managedByLabel] === this.#manager;
  }
}

/** Writes in an order in which no endpoint is missing meanwhile: what comes before what goes. */
export const writeSlices = async (parts: LoopParts, loop: string, namespace: string, plan: SlicePlan, signal: AbortSignal): Promise<void> => {
  const { verbs } = parts;
  const options = writesAs(loop);
  const each = async (slices: readonly EndpointSlice[], write: (slice: EndpointSlice) => Promise<unknown>): Promise<void> =>
    forEachBounded(slices, loopWritesMax, async (slice) => {
      signal.throwIfAborted();
      await write(slice);
    });
  await each(plan.create, (slice) => verbs.create(endpointSliceKind, namespace, slice, options));
  // At the revision that the plan was made from: a conflict brings the service back.
  await each(plan.update, (slice) => verbs.update(endpointSliceKind, namespace, slice, options));
  await each(plan.remove, ({ metadata }) =>
    ignoring(['NotFound'], verbs.delete(endpointSliceKind, namespace, metadata.name ?? '', { ...options, ...(metadata.uid ? { preconditions: { uid: metadata.uid } } : {}) })));
};
