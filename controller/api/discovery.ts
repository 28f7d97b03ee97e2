/** Discovery in both forms: aggregated (everything in one answer) and legacy (one list for each group version). Made from the kind table. */
import { type Kind, podKind, servedKinds, verbsOf } from '../../proto/kinds.ts';
import { isScalable } from './scale.ts';
import { acceptsJson, mediaRanges } from './negotiation.ts';

interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface Subresource {
  readonly name: string;
  readonly responds: GroupVersionKind;
  readonly verbs: readonly string[];
}

const changeVerbs = ['get', 'patch', 'update'];

const podOptions = new Map([['attach', 'PodAttachOptions'], ['exec', 'PodExecOptions'], ['portforward', 'PodPortForwardOptions']]);

const subresourceOf = (kind: Kind, name: string): Subresource => {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  if (name === 'scale' && isScalable(kind)) {
    return { name, responds: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: changeVerbs };
  }
  if (kind === podKind && name === 'eviction') {
    return { name, responds: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] };
  }
  if (kind === podKind && name === 'binding') return { name, responds: { group: '', version: 'v1', kind: 'Binding' }, verbs: ['create'] };
  const options = kind === podKind ? podOptions.get(name) : undefined;
  if (options !== undefined) return { name, responds: { group: '', version: 'v1', kind: options }, verbs: ['create', 'get'] };
  if (kind === podKind && name === 'log') return { name, responds: own, verbs: ['get'] };
  if (name === 'finalize') return { name, responds: own, verbs: ['update'] };
  return { name, responds: own, verbs: changeVerbs };
};

const subresourcesOf = (kind: Kind): Subresource[] => kind.subresources.map((name) => subresourceOf(kind, name));

interface Group {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly string[];
}

const groups: readonly Group[] = [...new Set(servedKinds.map(({ group }) => group))].map((name) => ({
  name,
  versions: [...new Set(servedKinds.filter(({ group }) => group === name).map(({ version }) => version))],
}));

const groupVersion = (group: string, version: string): string => (group ? `${group}/${version}` : version);

const aggregatedResource = (kind: Kind): object => {
  const subresources = subresourcesOf(kind).map(({ name, responds, verbs: allowed }) => ({
    subresource: name,
    responseKind: responds,
    verbs: allowed,
  }));
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
};

const aggregated = (root: 'api' | 'apis', version: string): object => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: groups
    .filter(({ name }) => (name === '') === (root === 'api'))
    .map((group) => ({
      metadata: group.name ? { name: group.name, creationTimestamp: null } : { creationTimestamp: null },
      versions: group.versions.map((each) => ({
        version: each,
        resources: servedKinds.filter((kind) => kind.group === group.name && kind.version === each).map(aggregatedResource),
        freshness: 'Current',
      })),
    })),
});

const legacyGroup = ({ name, versions }: Group): object => {
  const entries = versions.map((version) => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions: entries, preferredVersion: entries[0] };
};

const legacyRoot = (root: 'api' | 'apis'): object =>
  root === 'api'
    ? { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
    : { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(legacyGroup) };

// The order of the fields is what some scripts search for.
const legacyResources = (kind: Kind): object[] => [
  {
    name: kind.plural,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: verbsOf(kind),
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  },
  ...subresourcesOf(kind).map(({ name, responds, verbs: allowed }) => ({
    name: `${kind.plural}/${name}`,
    singularName: '',
    namespaced: kind.namespaced,
    ...(responds.group === kind.group ? {} : { group: responds.group, version: responds.version }),
    kind: responds.kind,
    verbs: allowed,
  })),
];

export interface DiscoveryAnswer {
  readonly contentType: string;
  readonly body: object;
}

const plain = 'application/json';

/** `/api` and `/apis`: aggregated when the client takes that form. */
export const discoverRoot = (root: 'api' | 'apis', accept: string | undefined): DiscoveryAnswer => {
  for (const range of mediaRanges(accept)) {
    if (!acceptsJson(range)) continue;
    const { parameters } = range;
    const version = parameters.get('v') ?? '';
    if (parameters.get('as') === undefined) break;
    const isAggregated = parameters.get('g') === 'apidiscovery.k8s.io' && parameters.get('as') === 'APIGroupDiscoveryList';
    if (isAggregated && (version === 'v2' || version === 'v2beta1')) {
      return {
        contentType: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
        body: aggregated(root, version),
      };
    }
  }
  return { contentType: plain, body: legacyRoot(root) };
};

/** `/apis/<group>` */
export const discoverGroup = (name: string): DiscoveryAnswer | undefined => {
  const group = groups.find((candidate) => candidate.name === name);
  return group && { contentType: plain, body: { kind: 'APIGroup', apiVersion: 'v1', ...legacyGroup(group) } };
};

/** `/api/v1`, `/apis/<group>/<version>` */
export const discoverVersion = (apiVersion: string): DiscoveryAnswer => ({
  contentType: plain,
  body: {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: apiVersion,
    resources: servedKinds.filter((kind) => kind.apiVersion === apiVersion).flatMap(legacyResources),
  },
});
