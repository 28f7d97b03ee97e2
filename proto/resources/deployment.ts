/** Deployments: defaults and validation. */
import type { FieldError } from '../errors.ts';
import { forbiddenField, immutable, invalidValue, notNegative, oneOf } from './field-error.ts';
import { percentOf, validateIntOrPercent } from './int-or-percent.ts';
import type { Deployment, DeploymentSpec } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import { setTemplateDefaults, validateSelectorAndTemplate } from './pod-template.ts';
import { podSpecWarnings } from './pod-warnings.ts';
import type { KindRules } from './strategy.ts';

const setDefaults = (deployment: Deployment): void => {
  const spec = deployment.spec;
  if (!spec) return;
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') {
    const rolling = (strategy.rollingUpdate ??= {});
    rolling.maxUnavailable ??= '25%';
    rolling.maxSurge ??= '25%';
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
  setTemplateDefaults(spec.template);
};

const isZero = (value: unknown): boolean => value === 0 || percentOf(value) === 0;

const validateStrategy = (strategy: DeploymentSpec['strategy']): FieldError[] => {
  const path = 'spec.strategy';
  if (strategy?.type === 'Recreate') {
    return strategy.rollingUpdate ? [forbiddenField(`${path}.rollingUpdate`, "may not be specified when strategy `type` is 'Recreate'")] : [];
  }
  const rolling = strategy?.rollingUpdate;
  const [surge, unavailable]: unknown[] = [rolling?.maxSurge, rolling?.maxUnavailable];
  const errors = [
    ...oneOf(`${path}.type`, strategy?.type, ['Recreate', 'RollingUpdate']),
    ...validateIntOrPercent(unavailable, `${path}.rollingUpdate.maxUnavailable`),
    ...validateIntOrPercent(surge, `${path}.rollingUpdate.maxSurge`),
  ];
  if (isZero(surge) && isZero(unavailable)) {
    errors.push(invalidValue(`${path}.rollingUpdate.maxUnavailable`, unavailable, 'may not be 0 when `maxSurge` is 0'));
  }
  if ((percentOf(unavailable) ?? 0) > 100) {
    errors.push(invalidValue(`${path}.rollingUpdate.maxUnavailable`, unavailable, 'must not be greater than 100%'));
  }
  return errors;
};

const validate = (deployment: Deployment): FieldError[] => {
  const spec: Partial<DeploymentSpec> = deployment.spec ?? {};
  const errors = [
    ...notNegative('spec.replicas', spec.replicas),
    ...validateSelectorAndTemplate(spec.selector, spec.template, 'deployment'),
    ...validateStrategy(spec.strategy),
    ...notNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...notNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  ];
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline !== null) {
    errors.push(...notNegative('spec.progressDeadlineSeconds', deadline));
    if (deadline <= (spec.minReadySeconds ?? 0)) {
      errors.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
    }
  }
  return errors;
};

const validateStatus = ({ status }: Deployment): FieldError[] => {
  const [total, updated, ready, available] = [status?.replicas, status?.updatedReplicas, status?.readyReplicas, status?.availableReplicas].map((count) => count ?? 0);
  const counts = { replicas: total, updatedReplicas: updated, readyReplicas: ready, availableReplicas: available };
  const errors = [
    ...notNegative('status.observedGeneration', status?.observedGeneration),
    ...notNegative('status.collisionCount', status?.collisionCount),
    ...notNegative('status.unavailableReplicas', status?.unavailableReplicas),
    ...Object.entries(counts).flatMap(([name, count]) => notNegative(`status.${name}`, count)),
  ];
  for (const [name, count] of Object.entries(counts)) {
    if ((count ?? 0) > (total ?? 0)) errors.push(invalidValue(`status.${name}`, count, 'cannot be greater than status.replicas'));
  }
  if ((available ?? 0) > (ready ?? 0)) errors.push(invalidValue('status.availableReplicas', available, 'cannot be greater than readyReplicas'));
  return errors;
};

export const deploymentRules: KindRules<Deployment> = {
  name: subdomainName,
  setDefaults,
  validate,
  validateUpdate: (deployment, old) => immutable('spec.selector', deployment.spec?.selector, old.spec?.selector),
  validateStatus,
  warnings: (deployment) => podSpecWarnings(deployment.spec?.template?.spec, 'spec.template.spec'),
};
