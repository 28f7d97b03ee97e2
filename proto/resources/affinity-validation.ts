/** Where a pod may or would rather run: node selectors, affinities, spread. */
import type { FieldError } from '../errors.ts';
import { broken, child, duplicate, forbiddenField, index, inRange, invalidValue, oneOf, type Path, required, unsupported } from './field-error.ts';
import type { Affinity, NodeSelectorTerm, PodSpec } from './kubernetes.ts';
import { labelName, labelValue, qualifiedName, subdomainName } from './names.ts';
import { validateLabelSelector } from './selector-validation.ts';

type Expression = NonNullable<NodeSelectorTerm['matchExpressions']>[number];
type PodAffinity = NonNullable<Affinity['podAffinity']>;
type PodTerm = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const requiredRule = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferredRule = 'preferredDuringSchedulingIgnoredDuringExecution';

const validateValues = (expression: Expression, path: Path): FieldError[] => {
  const { operator } = expression;
  const values = expression.values ?? [];
  const here = child(path, 'values');
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0 ? [] : [required(here, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0 ? [] : [forbiddenField(here, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    case 'Gt':
    case 'Lt':
      return values.length === 1 ? [] : [required(here, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
    default:
      return [invalidValue(child(path, 'operator'), operator, 'not a valid selector operator')];
  }
};

/** Fields can only be compared with one name. */
const validateFieldExpression = (expression: Expression, path: Path): FieldError[] => {
  const { key, operator } = expression;
  const values = expression.values ?? [];
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalidValue(child(path, 'operator'), operator, 'not a valid selector operator'));
  else if (values.length !== 1) errors.push(required(child(path, 'values'), 'must be only one value when `operator` is \'In\' or \'NotIn\' for node field selector'));
  if (key !== 'metadata.name') return [...errors, invalidValue(child(path, 'key'), key, 'not a valid field selector key')];
  return [...errors, ...values.flatMap((value, at) => broken(index(child(path, 'values'), at), value, subdomainName))];
};

const validateNodeTerm = (term: NodeSelectorTerm, path: Path): FieldError[] => [
  ...(term.matchExpressions ?? []).flatMap((expression, at) => {
    const here = index(child(path, 'matchExpressions'), at);
    return [
      ...validateValues(expression, here),
      ...broken(child(here, 'key'), expression.key ?? '', qualifiedName),
      ...(expression.values ?? []).flatMap((value, valueAt) => broken(index(child(here, 'values'), valueAt), value, labelValue)),
    ];
  }),
  ...(term.matchFields ?? []).flatMap((expression, at) => validateFieldExpression(expression, index(child(path, 'matchFields'), at))),
];

const validateNodeAffinity = (affinity: Affinity['nodeAffinity'], path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  const must = affinity?.[requiredRule];
  if (must) {
    const here = child(path, requiredRule, 'nodeSelectorTerms');
    if (!must.nodeSelectorTerms?.length) errors.push(required(here, 'must have at least one node selector term'));
    errors.push(...(must.nodeSelectorTerms ?? []).flatMap((term, at) => validateNodeTerm(term, index(here, at))));
  }
  for (const [at, { weight, preference }] of (affinity?.[preferredRule] ?? []).entries()) {
    const here = index(child(path, preferredRule), at);
    if (!(weight >= 1 && weight <= 100)) errors.push(invalidValue(child(here, 'weight'), weight, 'must be in the range 1-100'));
    errors.push(...validateNodeTerm(preference ?? {}, child(here, 'preference')));
  }
  return errors;
};

const validateTopologyKey = (topologyKey: string | undefined, path: Path): FieldError[] =>
  topologyKey ? broken(path, topologyKey, qualifiedName) : [required(path, 'can not be empty')];

const validatePodTerm = (term: PodTerm | undefined, path: Path): FieldError[] => [
  ...validateLabelSelector(term?.labelSelector, child(path, 'labelSelector')),
  ...validateLabelSelector(term?.namespaceSelector, child(path, 'namespaceSelector')),
  ...(term?.namespaces ?? []).flatMap((name) => broken(child(path, 'namespaces'), name, labelName)),
  ...validateTopologyKey(term?.topologyKey, child(path, 'topologyKey')),
];

const validatePodAffinity = (affinity: PodAffinity | undefined, path: Path): FieldError[] => [
  ...(affinity?.[requiredRule] ?? []).flatMap((term, at) => validatePodTerm(term, index(child(path, requiredRule), at))),
  ...(affinity?.[preferredRule] ?? []).flatMap(({ weight, podAffinityTerm }, at) => {
    const here = index(child(path, preferredRule), at);
    const range = weight >= 1 && weight <= 100 ? [] : [invalidValue(child(here, 'weight'), weight, 'must be in the range 1-100')];
    return [...range, ...validatePodTerm(podAffinityTerm, child(here, 'podAffinityTerm'))];
  }),
];

export const validateAffinity = (affinity: Affinity | undefined, path: Path): FieldError[] => [
  ...validateNodeAffinity(affinity?.nodeAffinity, child(path, 'nodeAffinity')),
  ...validatePodAffinity(affinity?.podAffinity, child(path, 'podAffinity')),
  ...validatePodAffinity(affinity?.podAntiAffinity, child(path, 'podAntiAffinity')),
];

const validateSpread = (constraint: Spread, path: Path): FieldError[] => {
  const { maxSkew, minDomains, whenUnsatisfiable } = constraint;
  const actions = ['DoNotSchedule', 'ScheduleAnyway'];
  const errors = [
    ...(maxSkew > 0 ? [] : [invalidValue(child(path, 'maxSkew'), maxSkew, 'must be greater than zero')]),
    ...validateTopologyKey(constraint.topologyKey, child(path, 'topologyKey')),
    ...(actions.includes(whenUnsatisfiable) ? [] : [unsupported(child(path, 'whenUnsatisfiable'), whenUnsatisfiable, actions)]),
    ...oneOf(child(path, 'nodeAffinityPolicy'), constraint.nodeAffinityPolicy, ['Honor', 'Ignore']),
    ...oneOf(child(path, 'nodeTaintsPolicy'), constraint.nodeTaintsPolicy, ['Honor', 'Ignore']),
    ...validateLabelSelector(constraint.labelSelector, child(path, 'labelSelector')),
  ];
  if (minDomains === undefined || minDomains === null) return errors;
  errors.push(...inRange(child(path, 'minDomains'), minDomains, 1, 2 ** 31 - 1));
  if (whenUnsatisfiable !== 'DoNotSchedule') {
    errors.push(invalidValue(child(path, 'minDomains'), minDomains, `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`));
  }
  return errors;
};

export const validateTopologySpread = (constraints: readonly Spread[], path: Path): FieldError[] => {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, at) => {
    const here = index(path, at);
    const errors = validateSpread(constraint, here);
    const identity = `{${constraint.topologyKey}, ${constraint.whenUnsatisfiable}}`;
    if (seen.has(identity)) errors.push(duplicate(child(here, '{topologyKey, whenUnsatisfiable}'), identity));
    seen.add(identity);
    return errors;
  });
};
