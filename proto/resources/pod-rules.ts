/** Pods: what the API does with one before it is stored. */
import { isIP } from 'node:net';
import type { FieldError } from '../errors.ts';
import { child, forbiddenField, index, invalidValue, required } from './field-error.ts';
import type { Pod } from './kubernetes.ts';
import { subdomainName } from './names.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { validatePodUpdate } from './pod-update-validation.ts';
import { validatePodSpec } from './pod-validation.ts';
import { podSpecWarnings } from './pod-warnings.ts';
import { qosClass } from './qos.ts';
import type { KindRules } from './strategy.ts';

const initialStatus = (pod: Pod): NonNullable<Pod['status']> => ({
  phase: 'Pending',
  ...(pod.spec?.schedulingGates?.length
    ? {
        conditions: [
          { type: 'PodScheduled', status: 'False', reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
        ],
      }
    : {}),
  qosClass: qosClass(pod),
});

/** Only ever added to a pod that exists. */
const validateNew = (pod: Pod): FieldError[] => [
  ...(pod.spec?.ephemeralContainers?.length ? [forbiddenField('spec.ephemeralContainers', 'cannot be set on create')] : []),
  ...(pod.spec?.nodeName && pod.spec.schedulingGates?.length
    ? [forbiddenField('spec.nodeName', 'cannot be set until all schedulingGates have been cleared')]
    : []),
];

const validateStatus = (pod: Pod): FieldError[] =>
  (['podIPs', 'hostIPs'] as const).flatMap((field) =>
    (pod.status?.[field] ?? []).flatMap(({ ip }, at) =>
      ip && isIP(ip) ? [] : [invalidValue(index(child('status', field), at), ip ?? '', 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')],
    ),
  );

export const podRules: KindRules<Pod> = {
  name: subdomainName,
  setDefaults: setPodDefaults,
  initialStatus,
  prepareForUpdate(pod, old, subresource) {
    // Set once at creation; agents need not repeat it.
    if (subresource === 'status' && old.status?.qosClass) pod.status = { ...pod.status, qosClass: old.status.qosClass };
  },
  validate: (pod) => (pod.spec ? validatePodSpec(pod.spec, 'spec') : [required('spec')]),
  validateNew,
  validateUpdate: validatePodUpdate,
  validateStatus,
  warnings: (pod) => podSpecWarnings(pod.spec, 'spec'),
};
