/**
 * The one table of kinds. Discovery, paths, storage keys, the CLI's resource names and `kubectl`'s columns all
 * come from here; to add a kind, add a row (and its file in resources/).
 */

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

export interface Kind {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `version` or `group/version`, as objects carry it. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Subresources served below the object, e.g. `status`. */
  readonly subresources: readonly string[];
  /** Whether metadata.generation counts changes of spec. */
  readonly generation: boolean;
}

const verbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

interface Row {
  shortNames?: readonly string[];
  categories?: readonly string[];
  subresources?: readonly string[];
  clusterScoped?: boolean;
  generation?: boolean;
  plural?: string;
}

const define = (apiVersion: string, kind: string, row: Row = {}): Kind => {
  const slash = apiVersion.indexOf('/');
  const singular = kind.toLowerCase();
  return {
    group: slash < 0 ? '' : apiVersion.slice(0, slash),
    version: apiVersion.slice(slash + 1),
    apiVersion,
    kind,
    singular,
    plural: row.plural ?? `${singular}s`,
    namespaced: row.clusterScoped !== true,
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    subresources: row.subresources ?? [],
    generation: row.generation ?? false,
  };
};

export const namespaceKind = define('v1', 'Namespace', { shortNames: ['ns'], clusterScoped: true, subresources: ['finalize', 'status'] });
export const nodeKind = define('v1', 'Node', { shortNames: ['no'], clusterScoped: true, subresources: ['status'] });
export const podKind = define('v1', 'Pod', {
  shortNames: ['po'],
  categories: ['all'],
  subresources: ['attach', 'binding', 'eviction', 'exec', 'log', 'portforward', 'status'],
});
export const eventKind = define('v1', 'Event', { shortNames: ['ev'] });
export const configMapKind = define('v1', 'ConfigMap', { shortNames: ['cm'] });
export const secretKind = define('v1', 'Secret');
export const serviceAccountKind = define('v1', 'ServiceAccount', { shortNames: ['sa'] });
export const serviceKind = define('v1', 'Service', { shortNames: ['svc'], categories: ['all'], subresources: ['status'] });
export const replicaSetKind = define('apps/v1', 'ReplicaSet', {
  shortNames: ['rs'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  generation: true,
});
export const deploymentKind = define('apps/v1', 'Deployment', {
  shortNames: ['deploy'],
  categories: ['all'],
  subresources: ['scale', 'status'],
  generation: true,
});
export const leaseKind = define('coordination.k8s.io/v1', 'Lease');
export const endpointsKind = define('v1', 'Endpoints', { shortNames: ['ep'], plural: 'endpoints' });
export const endpointSliceKind = define('discovery.k8s.io/v1', 'EndpointSlice');
export const podDisruptionBudgetKind = define('policy/v1', 'PodDisruptionBudget', {
  shortNames: ['pdb'],
  subresources: ['status'],
  generation: true,
});

export const kinds: readonly Kind[] = [
  namespaceKind, nodeKind, podKind, eventKind, configMapKind, secretKind, serviceAccountKind, serviceKind,
  replicaSetKind, deploymentKind, leaseKind, endpointsKind, endpointSliceKind, podDisruptionBudgetKind,
];

/** Served, but kept nowhere: measured when somebody asks. Their plurals are those of what is measured. */
export const nodeMetricsKind = define('metrics.k8s.io/v1beta1', 'NodeMetrics', { plural: 'nodes', clusterScoped: true });
export const podMetricsKind = define('metrics.k8s.io/v1beta1', 'PodMetrics', { plural: 'pods' });
const measuredKinds: readonly Kind[] = [nodeMetricsKind, podMetricsKind];
export const isMeasured = (kind: Kind): boolean => measuredKinds.includes(kind);

/** Everything that can be asked for, of which `kinds` can also be written. */
export const servedKinds: readonly Kind[] = [...kinds, ...measuredKinds];

/** Namespaces take no deletecollection: one request must not end the cluster. */
export const verbsOf = (kind: Kind): readonly Verb[] => {
  if (isMeasured(kind)) return ['get', 'list'];
  return kind === namespaceKind ? verbs.filter((verb) => verb !== 'deletecollection') : verbs;
};

const byGroupKind = new Map(kinds.map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind]));
const byPath = new Map(servedKinds.map((kind) => [`${kind.apiVersion}/${kind.plural}`, kind]));
const byName = new Map<string, Kind>();
for (const kind of kinds) {
  for (const name of [kind.plural, kind.singular, ...kind.shortNames]) {
    byName.set(name, kind);
    if (kind.group) {
      byName.set(`${name}.${kind.group}`, kind);
      byName.set(`${name}.${kind.version}.${kind.group}`, kind);
    }
  }
}

/** The kind of an object's `apiVersion` and `kind`, e.g. `apps/v1`, `Deployment`. */
export const kindOf = (apiVersion: string, kind: string): Kind | undefined => byGroupKind.get(`${apiVersion}/${kind}`);

/** The kind served at a URL's group version and plural, e.g. `apps/v1`, `deployments`. */
export const kindAtPath = (apiVersion: string, plural: string): Kind | undefined => byPath.get(`${apiVersion}/${plural}`);

/** The kind that a person means: plural, singular, short name, or one of them with `.group`; any case. */
export const kindNamed = (name: string): Kind | undefined => byName.get(name.toLowerCase());

/** How error messages name a resource: `pods`, `deployments.apps`. */
export const qualifiedResource = (kind: Kind): string => (kind.group ? `${kind.plural}.${kind.group}` : kind.plural);

/** How error messages name a kind: `Pod`, `Deployment.apps`. */
export const qualifiedKind = (kind: Kind): string => (kind.group ? `${kind.kind}.${kind.group}` : kind.kind);
