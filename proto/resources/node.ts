/** Nodes: registered by their agents, tainted and cordoned by people and by the node loop. */
import type { FieldError } from '../errors.ts';
import { broken, child, duplicate, forbiddenField, index, invalidValue, key, notNegative, type Path, same } from './field-error.ts';
import type { Node } from './kubernetes.ts';
import { qualifiedName, subdomainName, subnet } from './names.ts';
import { canonicalQuantity, compareQuantities, isQuantity } from './quantity.ts';
import type { KindRules } from './strategy.ts';
import { validateTaints } from './taint-validation.ts';

type Quantities = Record<string, string>;

const canonical = (quantities: Quantities): Quantities =>
  Object.fromEntries(Object.entries(quantities).map(([name, quantity]) => [name, canonicalQuantity(quantity)]));

const validateQuantities = (quantities: Quantities | undefined, path: Path): FieldError[] =>
  Object.entries(quantities ?? {}).flatMap(([name, quantity]) => {
    const here = key(path, name);
    if (!isQuantity(quantity)) return [invalidValue(here, quantity, 'must be a quantity')];
    const negative = compareQuantities(quantity, 0) < 0 ? [invalidValue(here, quantity, 'must be greater than or equal to 0')] : [];
    return [...broken(here, name, qualifiedName), ...negative];
  });

const validateAddresses = (node: Node): FieldError[] => {
  const seen = new Set<string>();
  return (node.status?.addresses ?? []).flatMap((address, at) => {
    const identity = `${address.type} ${address.address}`;
    if (seen.has(identity)) return [duplicate(index('status.addresses', at), address)];
    seen.add(identity);
    return [];
  });
};

const validateStatus = (node: Node): FieldError[] => [
  ...validateAddresses(node),
  ...validateQuantities(node.status?.capacity, 'status.capacity'),
  ...validateQuantities(node.status?.allocatable, 'status.allocatable'),
  ...notNegative('status.daemonEndpoints.kubeletEndpoint.Port', node.status?.daemonEndpoints?.kubeletEndpoint?.Port),
];

const validateSubnets = (node: Node): FieldError[] => {
  const { podCIDR, podCIDRs = [] } = node.spec ?? {};
  // The one field is the first of the other; what sends only the old one means both.
  const all = podCIDRs.length === 0 && podCIDR ? [podCIDR] : podCIDRs;
  return all.flatMap((cidr, at) => broken(index('spec.podCIDRs', at), cidr, subnet));
};

/** Set once, then kept: routes and addresses hang on it. */
const onceSet = (node: Node, old: Node, field: 'podCIDR' | 'podCIDRs' | 'providerID'): FieldError[] => {
  const before = old.spec?.[field];
  if (same(before, undefined) || before === '' || same(node.spec?.[field], before)) return [];
  return [forbiddenField(child('spec', field), `node updates may not change ${field} except from "" to valid`)];
};

export const nodeRules: KindRules<Node> = {
  name: subdomainName,
  setDefaults(node) {
    node.spec ??= {};
    const status = node.status;
    if (!status) return;
    if (status.capacity) status.capacity = canonical(status.capacity);
    if (status.allocatable) status.allocatable = canonical(status.allocatable);
    else if (status.capacity) status.allocatable = { ...status.capacity };
  },
  // An agent registers its node together with what it measured.
  initialStatus: (node) => node.status ?? {},
  validate: (node) => [...validateTaints(node.spec?.taints ?? [], 'spec.taints'), ...validateSubnets(node), ...validateStatus(node)],
  validateUpdate: (node, old) => [
    ...onceSet(node, old, 'podCIDR'),
    ...onceSet(node, old, 'podCIDRs'),
    ...onceSet(node, old, 'providerID'),
  ],
  validateStatus,
};
