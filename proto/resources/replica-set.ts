/** ReplicaSets: defaults and validation. */
import type { FieldError } from '../errors.ts';
import { immutable, invalidValue, notNegative } from './field-error.ts';
import type { ReplicaSet } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import { setTemplateDefaults, validateSelectorAndTemplate } from './pod-template.ts';
import { podSpecWarnings } from './pod-warnings.ts';
import type { KindRules } from './strategy.ts';

const validateStatus = ({ status }: ReplicaSet): FieldError[] => {
  const counts = {
    fullyLabeledReplicas: status?.fullyLabeledReplicas ?? 0,
    readyReplicas: status?.readyReplicas ?? 0,
    availableReplicas: status?.availableReplicas ?? 0,
  };
  const errors = [
    ...notNegative('status.replicas', status?.replicas),
    ...Object.entries(counts).flatMap(([name, count]) => notNegative(`status.${name}`, count)),
    ...notNegative('status.observedGeneration', status?.observedGeneration),
  ];
  for (const [name, count] of Object.entries(counts)) {
    if (count > (status?.replicas ?? 0)) errors.push(invalidValue(`status.${name}`, count, 'cannot be greater than status.replicas'));
  }
  if (counts.availableReplicas > counts.readyReplicas) {
    errors.push(invalidValue('status.availableReplicas', counts.availableReplicas, 'cannot be greater than readyReplicas'));
  }
  return errors;
};

export const replicaSetRules: KindRules<ReplicaSet> = {
  name: subdomainName,
  setDefaults({ spec }) {
    if (!spec) return;
    spec.replicas ??= 1;
    setTemplateDefaults(spec.template);
  },
  initialStatus: () => ({ replicas: 0 }),
  validate: ({ spec }) => [
    ...notNegative('spec.replicas', spec?.replicas),
    ...notNegative('spec.minReadySeconds', spec?.minReadySeconds),
    ...validateSelectorAndTemplate(spec?.selector, spec?.template, 'ReplicaSet'),
  ],
  validateUpdate: (set, old) => immutable('spec.selector', set.spec?.selector, old.spec?.selector),
  validateStatus,
  warnings: (set) => podSpecWarnings(set.spec?.template?.spec, 'spec.template.spec'),
};
