/** What may change in a pod's spec once it exists: a running pod is replaced rather than changed. */
import type { FieldError } from '../errors.ts';
import { forbiddenField, invalidValue, same } from './field-error.ts';
import type { Pod, PodSpec, Toleration } from './kubernetes.ts';

const unchangeable =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

const validateDeadline = (spec: PodSpec, old: PodSpec): FieldError[] => {
  const [after, before] = [spec.activeDeadlineSeconds ?? undefined, old.activeDeadlineSeconds ?? undefined];
  const path = 'spec.activeDeadlineSeconds';
  if (before === undefined) return [];
  if (after === undefined) return [invalidValue(path, null, 'must not update from a positive integer to nil value')];
  return after > before ? [invalidValue(path, after, 'must be less than or equal to previous value')] : [];
};

const withoutSeconds = (toleration: Toleration): Toleration => ({ ...toleration, tolerationSeconds: undefined });

const validateTolerations = (spec: PodSpec, old: PodSpec): FieldError[] => {
  const after = spec.tolerations ?? [];
  const isKept = (toleration: Toleration): boolean =>
    after.some((candidate) => same(withoutSeconds(candidate), withoutSeconds(toleration)));
  return (old.tolerations ?? []).every(isKept)
    ? []
    : [forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
};

const validateGates = (spec: PodSpec, old: PodSpec): FieldError[] => {
  const before = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  return (spec.schedulingGates ?? [])
    .filter(({ name }) => !before.has(name))
    .map(({ name }) => forbiddenField('spec.schedulingGates', `only deletion is allowed, but found new scheduling gate '${name}'`));
};

/** A gated pod has no node yet, so where it may go can still be narrowed. */
const narrowedSelector = (spec: PodSpec, old: PodSpec): PodSpec['nodeSelector'] => {
  const isGated = (old.schedulingGates ?? []).length > 0;
  const isNarrower = Object.entries(old.nodeSelector ?? {}).every(([name, value]) => spec.nodeSelector?.[name] === value);
  return isGated && isNarrower ? spec.nodeSelector : old.nodeSelector;
};

/** The new spec with everything that may change put back: what then differs from the old one was not allowed. */
const withMutableRestored = (spec: PodSpec, old: PodSpec): Record<string, unknown> => ({
  ...spec,
  containers: spec.containers.map((container, at) => ({ ...container, image: old.containers[at]?.image })),
  initContainers: spec.initContainers?.map((container, at) => ({ ...container, image: old.initContainers?.[at]?.image })),
  activeDeadlineSeconds: old.activeDeadlineSeconds,
  tolerations: old.tolerations,
  schedulingGates: old.schedulingGates,
  nodeSelector: narrowedSelector(spec, old) === spec.nodeSelector ? old.nodeSelector : spec.nodeSelector,
  ...((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1
    ? { terminationGracePeriodSeconds: old.terminationGracePeriodSeconds }
    : {}),
});

const count = (containers: readonly unknown[] | null | undefined): number => containers?.length ?? 0;

export const validatePodUpdate = (pod: Pod, before: Pod): FieldError[] => {
  const [spec, old] = [pod.spec, before.spec];
  if (!spec || !old) return [];
  if (count(spec.containers) !== count(old.containers)) {
    return [forbiddenField('spec.containers', 'pod updates may not add or remove containers')];
  }
  if (count(spec.initContainers) !== count(old.initContainers)) {
    return [forbiddenField('spec.initContainers', 'pod updates may not add or remove containers')];
  }
  const errors = [...validateDeadline(spec, old), ...validateTolerations(spec, old), ...validateGates(spec, old)];
  const restored = withMutableRestored(spec, old);
  const changed = Object.keys({ ...restored, ...old }).filter((field) => !same(restored[field], (old as Record<string, unknown>)[field]));
  if (changed.length > 0) {
    errors.push(forbiddenField('spec', `${unchangeable}\nchanged: ${changed.map((field) => `spec.${field}`).join(', ')}`));
  }
  return errors;
};
