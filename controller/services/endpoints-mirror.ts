/**
 * Endpoints that people write by hand, for services without a selector, mirrored into EndpointSlices: those who follow slices
 * alone see them too. Writes: EndpointSlices of its own.
 */
import { endpointsKind, endpointSliceKind, serviceKind } from '../../proto/kinds.ts';
import type { Endpoint, EndpointAddress, Endpoints, Service } from '../../proto/resources/kubernetes.ts';
import { controllerReference, isBeingDeleted } from '../../proto/resources/meta.ts';
import { endpointsPerObjectMax, endpointsPerSliceMax } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import type { LoopParts } from '../workloads/loop.ts';
import { isTerminating } from '../workloads/namespace.ts';
import type { Again, Reconciliation } from '../workloads/reconciler.ts';
import type { EndpointGroup } from './pod-endpoints.ts';
import { inherited, managedByLabel, serviceNameLabel, skipMirrorLabel } from './slice-labels.ts';
import { planSlices } from './slice-plan.ts';
import { ManagedSlices, writeSlices } from './slice-writer.ts';

const name = 'endpointslicemirroring-controller';
const manager = 'endpointslicemirroring-controller.k8s.io';
/** Old election records lived in Endpoints, which have nothing to do with traffic. */
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';

const isMirrored = (endpoints: Endpoints, service: Service): boolean =>
  Object.keys(service.spec?.selector ?? {}).length === 0 &&
  endpoints.metadata.labels?.[skipMirrorLabel] !== 'true' &&
  endpoints.metadata.annotations?.[leaderAnnotation] === undefined;

const endpointOf = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({
  addresses: [ip],
  conditions: { ready },
  ...(hostname ? { hostname } : {}),
  ...(targetRef ? { targetRef } : {}),
  ...(nodeName ? { nodeName } : {}),
});

/** IPv4 alone, as the cluster. Pure. */
export const mirroredGroups = ({ subsets = [] }: Endpoints): EndpointGroup[] =>
  subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => ({
    ports: ports.map(({ name: portName, port, protocol, appProtocol }) => ({
      name: portName ?? '', port, protocol: protocol ?? 'TCP', ...(appProtocol ? { appProtocol } : {}),
    })),
    endpoints: [...addresses.map((address) => endpointOf(address, true)), ...notReadyAddresses.map((address) => endpointOf(address, false))]
      .filter((endpoint) => !endpoint.addresses[0]?.includes(':'))
      .slice(0, endpointsPerObjectMax),
  }));

export class EndpointsMirror implements Reconciliation {
  readonly name = 'endpoints-mirror';
  readonly kinds = [serviceKind, endpointsKind, endpointSliceKind];
  readonly #parts: LoopParts;
  readonly #slices: ManagedSlices;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#slices = new ManagedSlices(parts.reader, manager);
  }

  reset(): void {
    this.#slices.clear();
  }

  *keysOf(change: Change): Iterable<string> {
    const { stored } = change;
    if (stored.kind === endpointSliceKind) yield* this.#slices.follow(change);
    else yield stored.key;
  }

  async reconcile(key: string, _again: Again, signal: AbortSignal): Promise<void> {
    const { reader } = this.#parts;
    const service = reader.get<Service>(serviceKind, key)?.object;
    const endpoints = reader.get<Endpoints>(endpointsKind, key)?.object;
    const present = this.#slices.of(key);
    const mirrors = service && endpoints && !isBeingDeleted(endpoints) && isMirrored(endpoints, service);
    if (!mirrors && present.length === 0) return;
    if (endpoints && isTerminating(reader, endpoints)) return;
    const namespace = key.slice(0, key.indexOf('/'));
    const plan = mirrors
      ? planSlices(this.#meta(endpoints), mirroredGroups(endpoints), present, { keepsEmpty: false, sliceMax: endpointsPerSliceMax })
      : { create: [], update: [], remove: present };
    await writeSlices(this.#parts, name, namespace, plan, signal);
  }

  #meta(endpoints: Endpoints): Parameters<typeof planSlices>[0] {
    const { namespace = '', name: serviceName = '', labels, annotations = {} } = endpoints.metadata;
    const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== 'kubectl.kubernetes.io/last-applied-configuration'));
    return {
      namespace,
      generateName: `${serviceName}-`,
      labels: { ...inherited(labels), [serviceNameLabel]: serviceName, [managedByLabel]: manager },
      ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}),
      ownerReferences: [controllerReference(endpoints)],
    };
  }
}
