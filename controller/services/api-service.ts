/**
 * The service `kubernetes` in `default`, by which pods reach the API, and its endpoints: the controllers that there are.
 * Writes: that service when it is missing; its Endpoints and slices.
 */
import { endpointsKind, endpointSliceKind, namespaceKind, serviceKind } from '../../proto/kinds.ts';
import { repackSubsets } from '../../proto/resources/endpoint-subsets.ts';
import type { Endpoints, EndpointSlice, EndpointSubset, Service } from '../../proto/resources/kubernetes.ts';
import { sameJson } from '../api/json-equality.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from '../workloads/ignoring.ts';
import { type LoopParts, writesAs } from '../workloads/loop.ts';
import type { Reconciliation } from '../workloads/reconciler.ts';
import type { ApiAddresses } from './api-addresses.ts';
import { managedByLabel, serviceNameLabel, skipMirrorLabel } from './slice-labels.ts';
import { serviceOf } from './slice-writer.ts';

const name = 'kubernetes';
const namespace = 'default';
const key = `${namespace}/${name}`;
const portName = 'https';

/** Addresses by port: `192.0.2.1:6443` and so on. Pure. */
export const apiSubsets = (addresses: readonly string[]): EndpointSubset[] =>
  repackSubsets(addresses.map((text) => {
    const colon = text.lastIndexOf(':');
    return { addresses: [{ ip: text.slice(0, colon) }], ports: [{ name: portName, port: Number(text.slice(colon + 1)), protocol: 'TCP' }] };
  }));

const slicesOf = (subsets: readonly EndpointSubset[]): EndpointSlice[] =>
  subsets.map(({ addresses = [], ports = [] }, at) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: at === 0 ? name : `${name}-${at + 1}`, namespace, labels: { [serviceNameLabel]: name } },
    addressType: 'IPv4',
    endpoints: addresses.map(({ ip }) => ({ addresses: [ip], conditions: { ready: true } })),
    ports: ports.map(({ name: each, port, protocol }) => ({ name: each ?? '', port, protocol: protocol ?? 'TCP' })),
  }));

export class ApiService implements Reconciliation {
  readonly name = 'api-service';
  readonly kinds = [serviceKind, endpointsKind, endpointSliceKind, namespaceKind];
  readonly #parts: LoopParts;
  readonly #addresses: ApiAddresses;
  readonly #clusterIp: string;

  constructor(parts: LoopParts, addresses: ApiAddresses, clusterIp: string) {
    this.#parts = parts;
    this.#addresses = addresses;
    this.#clusterIp = clusterIp;
  }

  attach(add: (key: string) => void, lost: AbortSignal): void {
    const subscription = this.#addresses.subscribe(() => add(key));
    lost.addEventListener('abort', () => subscription.close(), { once: true });
    add(key);
  }

  keysOf({ stored }: Change): string[] {
    const isOurs = stored.kind === namespaceKind
      ? stored.key === namespace
      : stored.kind === endpointSliceKind ? serviceOf(stored.object as EndpointSlice) === key : stored.key === key;
    return isOurs ? [key] : [];
  }

  async reconcile(): Promise<void> {
    const { reader } = this.#parts;
    const subsets = apiSubsets(this.#addresses.addresses ?? []);
    // Without an answer from etcd, or before anybody is there, the last one is better than none.
    if (subsets.length === 0 || !reader.get(namespaceKind, namespace)) return;
    if (!reader.get(serviceKind, key)) await this.#createService(subsets[0]?.ports?.[0]?.port ?? 443);
    await this.#writeEndpoints(subsets);
    await this.#writeSlices(subsets);
  }

  async #createService(targetPort: number): Promise<void> {
    const service: Service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: { type: 'ClusterIP', clusterIP: this.#clusterIp, ports: [{ name: portName, port: 443, protocol: 'TCP', targetPort }] },
    };
    await ignoring(['AlreadyExists'], this.#parts.verbs.create(serviceKind, namespace, service, writesAs(this.name)));
  }

  async #writeEndpoints(subsets: EndpointSubset[]): Promise<void> {
    const { reader, verbs } = this.#parts;
    const present = reader.get<Endpoints>(endpointsKind, key)?.object;
    const labels = { ...present?.metadata.labels, [skipMirrorLabel]: 'true' };
    if (!present) {
      await verbs.create(endpointsKind, namespace, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, labels }, subsets }, writesAs(this.name));
    } else if (!sameJson(present.subsets, subsets) || !sameJson(present.metadata.labels, labels)) {
      await verbs.update(endpointsKind, namespace, { ...present, metadata: { ...present.metadata, labels }, subsets }, writesAs(this.name));
    }
  }

  async #writeSlices(subsets: readonly EndpointSubset[]): Promise<void> {
    const { reader, verbs } = this.#parts;
    const wanted = slicesOf(subsets);
    const left = new Set(wanted.map(({ metadata }) => metadata.name));
    for (const slice of wanted) {
      const present = reader.get<EndpointSlice>(endpointSliceKind, `${namespace}/${slice.metadata.name}`)?.object;
      if (!present) await verbs.create(endpointSliceKind, namespace, slice, writesAs(this.name));
      else if (!sameJson(present.endpoints, slice.endpoints) || !sameJson(present.ports, slice.ports) || present.metadata.labels?.[serviceNameLabel] !== name) {
        await verbs.update(endpointSliceKind, namespace, { ...present, metadata: { ...present.metadata, labels: { ...present.metadata.labels, ...slice.metadata.labels } }, endpoints: slice.endpoints, ports: slice.ports ?? [] }, writesAs(this.name));
      }
    }
    for (const { object } of reader.list<EndpointSlice>(endpointSliceKind, namespace)) {
      const isOld = serviceOf(object) === key && object.metadata.labels?.[managedByLabel] === undefined && !left.has(object.metadata.name);
      if (isOld) await ignoring(['NotFound'], verbs.delete(endpointSliceKind, namespace, object.metadata.name ?? '', writesAs(this.name)));
    }
  }
}
