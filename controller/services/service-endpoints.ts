/**
 * Keeps the endpoints of every service with a selector, in EndpointSlices and in Endpoints.
 *
 *     a pod ──► selectors that select it ──► service ──► its pods ──► groups ──► slice plan ──► slices
 *                                                                 └─► subsets ──► Endpoints
 *
 * Writes: EndpointSlices of its own, Endpoints of services with a selector. A pod that changes in ways that no endpoint shows costs
 * one comparison.
 */
import { endpointsKind, endpointSliceKind, podKind, serviceKind } from '../../proto/kinds.ts';
import type { Endpoints, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { controllerReference, isBeingDeleted } from '../../proto/resources/meta.ts';
import { headless } from '../../proto/resources/service-needs.ts';
import { sameJson } from '../api/json-equality.ts';
import { endpointsPerObjectMax, endpointsPerSliceMax } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from '../workloads/ignoring.ts';
import { type LoopParts, writesAs } from '../workloads/loop.ts';
import { isTerminating } from '../workloads/namespace.ts';
import type { Again, Reconciliation } from '../workloads/reconciler.ts';
import { LabelIndex, SelectorIndex, selects } from './label-index.ts';
import { endpointFacts, endpointGroups, endpointSubsets } from './pod-endpoints.ts';
import { headlessLabel, inherited, managedByLabel, serviceNameLabel } from './slice-labels.ts';
import { planSlices } from './slice-plan.ts';
import { ManagedSlices, writeSlices } from './slice-writer.ts';

const slicesBy = 'endpointslice-controller';
const endpointsBy = 'endpoint-controller';
const manager = 'endpointslice-controller.k8s.io';

/** Whether the loop makes its endpoints: by a selector, and for addresses that are the cluster's. */
const isServed = ({ spec }: Service): boolean => spec?.type !== 'ExternalName' && Object.keys(spec?.selector ?? {}).length > 0;

const headlessLabels = ({ spec }: Service): Record<string, string> => (spec?.clusterIP === headless ? { [headlessLabel]: '' } : {});

export class ServiceEndpoints implements Reconciliation {
  readonly name = 'endpoint-slices';
  readonly kinds = [serviceKind, podKind, endpointSliceKind, endpointsKind];
  readonly #parts: LoopParts;
  readonly #pods = new LabelIndex();
  readonly #selectors = new SelectorIndex();
  readonly #slices: ManagedSlices;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#slices = new ManagedSlices(parts.reader, manager);
  }

  reset(): void {
    this.#pods.clear();
    this.#selectors.clear();
    this.#slices.clear();
  }

  keysOf(change: Change): Iterable<string> {
    switch (change.stored.kind) {
      case podKind:
        return this.#ofPod(change);
      case serviceKind:
        return this.#ofService(change);
      case endpointSliceKind:
        return this.#slices.follow(change);
      default:
        // Somebody else's change of what is ours is undone; an Endpoints object without a service is nobody's.
        return this.#parts.reader.get(serviceKind, change.stored.key) ? [change.stored.key] : [];
    }
  }

  async reconcile(key: string, _again: Again, signal: AbortSignal): Promise<void> {
    const { reader } = this.#parts;
    const service = reader.get<Service>(serviceKind, key)?.object;
    if (!service || isBeingDeleted(service)) {
      await this.#clear(key, signal);
      return;
    }
    if (!isServed(service) || isTerminating(reader, service)) return;
    const pods = this.#podsOf(service);
    await Promise.all([this.#writeSlices(key, service, pods, signal), this.#writeEndpoints(key, service, pods)]);
  }

  *#ofService({ type, stored }: Change): Iterable<string> {
    const service = stored.object as Service;
    if (type === 'DELETED') this.#selectors.delete(stored.key);
    else this.#selectors.set(service.metadata.namespace ?? '', stored.key, isServed(service) ? (service.spec?.selector ?? {}) : undefined);
    yield stored.key;
  }

  *#ofPod({ type, stored, previous }: Change): Iterable<string> {
    const pod = stored.object as Pod;
    const before = previous?.object as Pod | undefined;
    const namespace = pod.metadata.namespace ?? '';
    const labels = pod.metadata.labels ?? {};
    const oldLabels = before?.metadata.labels ?? {};
    const isMoved = !sameJson(labels, oldLabels);
    if (type === 'DELETED') this.#pods.delete(namespace, stored.key, oldLabels);
    else if (isMoved) this.#pods.set(namespace, stored.key, labels, oldLabels);
    const facts = type === 'DELETED' ? '' : endpointFacts(pod);
    const oldFacts = before ? endpointFacts(before) : '';
    if (facts === oldFacts && (!isMoved || facts === '')) return;
    yield* this.#selectors.selecting(namespace, labels);
    if (isMoved) yield* this.#selectors.selecting(namespace, oldLabels);
  }

  #podsOf({ metadata: { namespace = '' }, spec }: Service): Pod[] {
    const selector = spec?.selector ?? {};
    return this.#pods.candidates(namespace, selector).flatMap((key) => {
      const pod = this.#parts.reader.get<Pod>(podKind, key)?.object;
      return pod && selects(selector, pod.metadata.labels ?? {}) ? [pod] : [];
    });
  }

  async #writeSlices(key: string, service: Service, pods: readonly Pod[], signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', labels } = service.metadata;
    const meta = {
      namespace,
      generateName: `${name}-`,
      labels: { ...inherited(labels), ...headlessLabels(service), [serviceNameLabel]: name, [managedByLabel]: manager },
      ownerReferences: [controllerReference(service)],
    };
    const plan = planSlices(meta, endpointGroups(service, pods), this.#slices.of(key), { keepsEmpty: true, sliceMax: endpointsPerSliceMax });
    await writeSlices(this.#parts, slicesBy, namespace, plan, signal);
  }

  async #writeEndpoints(key: string, service: Service, pods: readonly Pod[]): Promise<void> {
    const { reader, verbs } = this.#parts;
    const { namespace = '', name = '', labels } = service.metadata;
    const isCut = pods.length > endpointsPerObjectMax;
    const subsets = endpointSubsets(service, isCut ? pods.slice(0, endpointsPerObjectMax) : pods);
    const present = reader.get<Endpoints>(endpointsKind, key)?.object;
    const wanted = {
      labels: { ...inherited(labels), ...headlessLabels(service) },
      annotations: { ...present?.metadata.annotations },
    };
    if (isCut) wanted.annotations['endpoints.kubernetes.io/over-capacity'] = 'truncated';
    else delete wanted.annotations['endpoints.kubernetes.io/over-capacity'];
    if (!present) {
      const endpoints: Endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { namespace, name, ...wanted }, ...(subsets.length > 0 ? { subsets } : {}) };
      await verbs.create(endpointsKind, namespace, endpoints, writesAs(endpointsBy));
      return;
    }
    const { metadata: { labels: presentLabels, annotations }, subsets: presentSubsets } = present;
    if (sameJson(presentSubsets ?? [], subsets) && sameJson(presentLabels ?? {}, wanted.labels) && sameJson(annotations ?? {}, wanted.annotations)) return;
    const { subsets: _subsets, ...rest } = present;
    await verbs.update(endpointsKind, namespace, { ...rest, metadata: { ...present.metadata, ...wanted }, ...(subsets.length > 0 ? { subsets } : {}) }, writesAs(endpointsBy));
  }

  /** The service is gone: so are its slices, and the Endpoints of its name, whoever made them (as Kubernetes). */
  async #clear(key: string, signal: AbortSignal): Promise<void> {
    const { reader, verbs } = this.#parts;
    const namespace = key.slice(0, key.indexOf('/'));
    await writeSlices(this.#parts, slicesBy, namespace, { create: [], update: [], remove: this.#slices.of(key) }, signal);
    const endpoints = reader.get(endpointsKind, key)?.object;
    if (!endpoints || isBeingDeleted(endpoints)) return;
    await ignoring(['NotFound'], verbs.delete(endpointsKind, namespace, endpoints.metadata.name ?? '', writesAs(endpointsBy)));
  }
}
