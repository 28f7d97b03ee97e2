/** PodDisruptionBudgets: how much of an application may be away at once by somebody's will. */
import type { FieldError } from '../errors.ts';
import { invalidValue, notNegative, oneOf, type Path } from './field-error.ts';
import { percentOf, validateIntOrPercent } from './int-or-percent.ts';
import type { PodDisruptionBudget } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import { validateLabelSelector } from './selector-validation.ts';
import type { KindRules } from './strategy.ts';

const validateShare = (value: unknown, path: Path): FieldError[] => [
  ...validateIntOrPercent(value, path),
  ...((percentOf(value) ?? 0) > 100 ? [invalidValue(path, value, 'must not be greater than 100%')] : []),
];

const counts = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const;

export const podDisruptionBudgetRules: KindRules<PodDisruptionBudget> = {
  name: subdomainName,
  initialStatus: () => ({ currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
  validate: ({ spec }) => [
    ...(spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined
      ? [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
      : []),
    ...validateShare(spec?.minAvailable, 'spec.minAvailable'),
    ...validateShare(spec?.maxUnavailable, 'spec.maxUnavailable'),
    ...validateLabelSelector(spec?.selector, 'spec.selector'),
    ...oneOf('spec.unhealthyPodEvictionPolicy', spec?.unhealthyPodEvictionPolicy, ['IfHealthyBudget', 'AlwaysAllow']),
  ],
  validateStatus: ({ status }) => counts.flatMap((name) => notNegative(`status.${name}`, status?.[name])),
};
