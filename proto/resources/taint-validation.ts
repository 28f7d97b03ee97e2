/** Taints of nodes and tolerations of pods. */
import type { FieldError } from '../errors.ts';
import { broken, child, duplicate, index, invalidValue, oneOf, type Path, required } from './field-error.ts';
import type { Taint, Toleration } from './kubernetes.ts';
import { labelValue, qualifiedName } from './names.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

export const validateTaints = (taints: readonly Taint[], path: Path): FieldError[] => {
  const seen = new Set<string>();
  return taints.flatMap((taint, at) => {
    const here = index(path, at);
    const errors = [
      ...broken(child(here, 'key'), taint.key ?? '', qualifiedName),
      ...broken(child(here, 'value'), taint.value ?? '', labelValue),
      ...(taint.effect ? oneOf(child(here, 'effect'), taint.effect, effects) : [required(child(here, 'effect'))]),
    ];
    // The same key may taint with several effects, but each pair once.
    const identity = `${taint.effect} ${taint.key}`;
    if (seen.has(identity)) errors.push(duplicate(here, taint));
    seen.add(identity);
    return errors;
  });
};

const validateToleration = (toleration: Toleration, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (toleration.key) errors.push(...broken(child(path, 'key'), toleration.key, qualifiedName));
  if (!toleration.key && toleration.operator !== 'Exists') {
    errors.push(invalidValue(child(path, 'operator'), toleration.operator ?? '', "operator must be Exists when `key` is empty, which means \"match all values and all keys\""));
  }
  if (toleration.tolerationSeconds !== undefined && toleration.tolerationSeconds !== null && toleration.effect !== 'NoExecute') {
    errors.push(invalidValue(child(path, 'effect'), toleration.effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  if (toleration.operator === 'Exists') {
    if (toleration.value) errors.push(invalidValue(child(path, 'operator'), toleration.value, "value must be empty when `operator` is 'Exists'"));
  } else if (toleration.value) {
    errors.push(...broken(child(path, 'value'), toleration.value, labelValue));
  }
  if (toleration.operator) errors.push(...oneOf(child(path, 'operator'), toleration.operator, ['Equal', 'Exists']));
  if (toleration.effect) errors.push(...oneOf(child(path, 'effect'), toleration.effect, effects));
  return errors;
};

export const validateTolerations = (tolerations: readonly Toleration[], path: Path): FieldError[] =>
  tolerations.flatMap((toleration, at) => validateToleration(toleration, index(path, at)));
