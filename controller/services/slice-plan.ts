/**
 * From the slices that are there to those that should be, with as few writes as possible (as Kubernetes): what is right stays
 * where it is, slices that change anyway take what is new, then one that has room, then new ones. Pure.
 */
import type { Endpoint, EndpointSlice, ObjectMeta } from '../../proto/resources/kubernetes.ts';
import { sameJson } from '../api/json-equality.ts';
import type { EndpointGroup } from './pod-endpoints.ts';

export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** What all slices of one service have alike. */
export type SliceMeta = Pick<ObjectMeta, 'annotations' | 'generateName' | 'labels' | 'namespace' | 'ownerReferences'>;

interface Draft {
  /** Undefined: to be created, unless a slice that is in nobody's way can be made into it. */
  readonly slice: EndpointSlice | undefined;
  readonly ports: EndpointGroup['ports'];
  endpoints: Endpoint[];
}

const endpointId = ({ addresses, targetRef, hostname }: Endpoint): string => `${addresses.join()} ${targetRef?.uid ?? ''} ${hostname ?? ''}`;

const isChanged = ({ slice, endpoints }: Draft): boolean => !slice || !sameJson(slice.endpoints, endpoints);

const draftsFor = ({ ports, endpoints }: EndpointGroup, slices: readonly EndpointSlice[], sliceMax: number): Draft[] => {
  const missing = new Map(endpoints.map((endpoint) => [endpointId(endpoint), endpoint]));
  const take = (id: string): Endpoint[] => {
    const found = missing.get(id);
    missing.delete(id);
    return found ? [found] : [];
  };
  const drafts: Draft[] = slices.map((slice) => ({ slice, ports, endpoints: slice.endpoints.flatMap((endpoint) => take(endpointId(endpoint))) }));
  const rest = [...missing.values()];
  const place = (draft: Draft): void => void draft.endpoints.push(...rest.splice(0, Math.max(0, sliceMax - draft.endpoints.length)));
  const byFullness = drafts.toSorted((a, b) => b.endpoints.length - a.endpoints.length);
  for (const draft of byFullness.filter((each) => isChanged(each) && each.endpoints.length > 0)) place(draft);
  const roomy = byFullness.find(({ endpoints: held }) => held.length > 0 && held.length + rest.length <= sliceMax);
  if (rest.length > 0 && roomy) place(roomy);
  while (rest.length > 0) drafts.push({ slice: undefined, ports, endpoints: rest.splice(0, sliceMax) });
  return drafts;
};

const sameMeta = ({ metadata }: EndpointSlice, meta: SliceMeta): boolean =>
  sameJson(metadata.labels ?? {}, meta.labels ?? {}) &&
  sameJson(metadata.annotations ?? {}, meta.annotations ?? {}) &&
  sameJson(metadata.ownerReferences ?? [], meta.ownerReferences ?? []);

/**
 * @param keepsEmpty one slice without endpoints stays when there are none, to say that somebody has looked
 * @param sliceMax endpoints in one slice
 */
export const planSlices = (
  meta: SliceMeta,
  groups: readonly EndpointGroup[],
  existing: readonly EndpointSlice[],
  { keepsEmpty, sliceMax }: { readonly keepsEmpty: boolean; readonly sliceMax: number },
): SlicePlan => {
  const wanted = groups.filter(({ endpoints }) => endpoints.length > 0);
  const unused = new Set(existing);
  const drafts = wanted.flatMap((group) => {
    const slices = existing.filter((slice) => sameJson(slice.ports ?? [], group.ports));
    return draftsFor(group, slices, sliceMax);
  }).filter(({ endpoints }) => endpoints.length > 0);
  for (const { slice } of drafts) if (slice) unused.delete(slice);
  if (drafts.length === 0 && keepsEmpty) {
    const empty = existing.find(({ endpoints, ports }) => endpoints.length === 0 && (ports ?? []).length === 0);
    if (empty) unused.delete(empty);
    drafts.push({ slice: empty, ports: [], endpoints: [] });
  }
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  for (const draft of drafts) {
    const { slice, ports, endpoints } = draft;
    if (slice && !isChanged(draft) && sameMeta(slice, meta)) continue;
    // A slice that would go is made into one that would come.
    const base = slice ?? [...unused][0];
    if (base) unused.delete(base);
    const { annotations: _annotations, ...kept } = base?.metadata ?? {};
    (base ? update : create).push({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...(base ? kept : {}), ...meta },
      addressType: 'IPv4',
      endpoints,
      ports: [...ports],
    });
  }
  return { create, update, remove: [...unused] };
};
