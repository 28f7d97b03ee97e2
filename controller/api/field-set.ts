/**
 * Sets of fields of an object in Kubernetes' notation `fieldsV1`: a tree whose branches are `f:<field>`, list items
 * `k:{"<key>":<value>}`, members of sets `v:<value>`, and `.` for the branch itself. An empty tree is a leaf: the
 * whole value below that name. Pure.
 */
import { isObject, sameJson } from './json-equality.ts';

export interface FieldSet {
  [path: string]: FieldSet;
}

/** Lists whose items have an identity, and the fields that make it (the list types of Kubernetes' schemas). */
const listKeys = new Map<string, readonly string[]>([
  ['containers', ['name']], ['initContainers', ['name']], ['ephemeralContainers', ['name']], ['volumes', ['name']],
  ['env', ['name']], ['imagePullSecrets', ['name']], ['schedulingGates', ['name']], ['resourceClaims', ['name']],
  ['claims', ['name']], ['secrets', ['name']], ['volumeMounts', ['mountPath']], ['volumeDevices', ['devicePath']],
  ['hostAliases', ['ip']], ['podIPs', ['ip']], ['conditions', ['type']], ['addresses', ['type']], ['ownerReferences', ['uid']],
  ['topologySpreadConstraints', ['topologyKey', 'whenUnsatisfiable']],
]);

const setLists = new Set(['finalizers', 'podCIDRs']);

/** Maps that one manager owns as a whole. */
const atomicMaps = new Set([
  'selector', 'labelSelector', 'nodeSelector', 'namespaceSelector', 'configMapKeyRef', 'secretKeyRef', 'fieldRef', 'resourceFieldRef',
  'secretRef', 'configMapRef', 'involvedObject', 'related', 'nodeAffinity',
]);

/** Fields of metadata that the server owns; nobody manages them. */
const serverOwned = new Set([
  'name', 'namespace', 'uid', 'creationTimestamp', 'generation', 'resourceVersion', 'managedFields', 'deletionTimestamp',
  'deletionGracePeriodSeconds', 'selfLink',
]);

const portKeys = (items: readonly unknown[]): readonly string[] =>
  items.every((item) => isObject(item) && 'containerPort' in item) ? ['containerPort', 'protocol'] : ['port', 'protocol'];

const keysOf = (name: string, items: readonly unknown[]): readonly string[] | undefined =>
  name === 'ports' ? portKeys(items) : listKeys.get(name);

const itemPath = (item: unknown, keys: readonly string[]): string | undefined => {
  if (!isObject(item)) return undefined;
  const identity = keys.filter((key) => item[key] !== undefined).map((key) => [key, item[key]]);
  return identity.length > 0 ? `k:${JSON.stringify(Object.fromEntries(identity))}` : undefined;
};

interface Item {
  readonly path: string;
  readonly value: unknown;
}

/** The items of a list by identity; undefined when the list is atomic or an identity is missing or double. */
const itemsOf = (name: string, list: readonly unknown[]): Item[] | undefined => {
  const keys = keysOf(name, list);
  const items: Item[] = [];
  const seen = new Set<string>();
  for (const value of list) {
    const path = setLists.has(name) ? `v:${JSON.stringify(value)}` : keys && itemPath(value, keys);
    if (path === undefined || seen.has(path)) return undefined;
    seen.add(path);
    items.push({ path, value });
  }
  return items;
};

const childrenOf = (name: string, value: unknown): Item[] | undefined => {
  if (Array.isArray(value)) return value.length > 0 ? itemsOf(name, value) : undefined;
  if (!isObject(value) || atomicMaps.has(name)) return undefined;
  return Object.entries(value)
    .filter(([, field]) => field !== undefined && field !== null)
    .map(([field, inner]) => ({ path: `f:${field}`, value: inner }));
};

const fieldName = (path: string, parent: string): string => (path.startsWith('f:') ? path.slice(2) : parent);

const ownsItself = (path: string): boolean => path.startsWith('k:') || path === 'f:labels' || path === 'f:annotations';

const diffValue = (path: string, before: unknown, after: unknown): FieldSet | undefined => {
  if (sameJson(before, after)) return undefined;
  // An item of a list is a plain map, whatever the name of its list.
  const name = path.startsWith('k:') ? '' : fieldName(path, '');
  const children = childrenOf(name, after);
  if (path.startsWith('v:') || !children || children.length === 0) return {};
  const old = new Map((childrenOf(name, before) ?? []).map((item) => [item.path, item.value]));
  const tree: FieldSet = ownsItself(path) && before === undefined ? { '.': {} } : {};
  for (const child of children) {
    const inner = diffValue(child.path, old.get(child.path), child.value);
    if (inner) tree[child.path] = inner;
  }
  return Object.keys(tree).length > 0 ? tree : undefined;
};

type Fields = Readonly<Record<string, unknown>>;

const managed = (object: Fields): Fields => {
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  const own = Object.entries(isObject(metadata) ? metadata : {}).filter(([name]) => !serverOwned.has(name));
  return own.length > 0 ? { ...rest, metadata: Object.fromEntries(own) } : rest;
};

/** The fields that are new or different in `after`; all of its fields when there is no `before`. */
export const changedFields = (before: Fields | undefined, after: Fields): FieldSet =>
  diffValue('', before && managed(before), managed(after)) ?? {};

const isLeaf = (tree: FieldSet): boolean => Object.keys(tree).length === 0;

/** What is in either. */
export const unionOf = (left: FieldSet, right: FieldSet): FieldSet => {
  const result: FieldSet = { ...left };
  for (const [path, inner] of Object.entries(right)) {
    const mine = result[path];
    result[path] = mine && !isLeaf(mine) && !isLeaf(inner) ? unionOf(mine, inner) : inner;
  }
  return result;
};

const filterTree = (tree: FieldSet, other: FieldSet, keepShared: boolean): FieldSet => {
  const result: FieldSet = {};
  for (const [path, inner] of Object.entries(tree)) {
    const theirs = Object.hasOwn(other, path) ? other[path] : undefined;
    if (theirs === undefined) {
      if (!keepShared) result[path] = inner;
      continue;
    }
    if (isLeaf(inner) || isLeaf(theirs)) {
      if (keepShared) result[path] = inner;
      continue;
    }
    const rest = filterTree(inner, theirs, keepShared);
    if (!isLeaf(rest)) result[path] = rest;
  }
  return result;
};

/** What is in `tree` and not in `other`. */
export const differenceOf = (tree: FieldSet, other: FieldSet): FieldSet => filterTree(tree, other, false);

/** What is in both. */
export const intersectionOf = (tree: FieldSet, other: FieldSet): FieldSet => filterTree(tree, other, true);
