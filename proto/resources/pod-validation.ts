/** What a pod's spec may look like, in a pod and in a template alike. */
import type { FieldError } from '../errors.ts';
import { validateAffinity, validateTopologySpread } from './affinity-validation.ts';
import { validateContainers } from './container-validation.ts';
import {
  broken, child, duplicates, forbiddenField, index, inRange, notNegative, oneOf, type Path, required,
} from './field-error.ts';
import type { PodSpec } from './kubernetes.ts';
import { validateLabels } from './metadata-validation.ts';
import { qualifiedName, subdomainName } from './names.ts';
import { validatePodNetwork } from './pod-network-validation.ts';
import { validateQuantities } from './resource-validation.ts';
import { validatePodSecurityContext } from './security-context-validation.ts';
import { validateTolerations } from './taint-validation.ts';
import { validateVolumes } from './volume-validation.ts';

const deadlineSecondsMax = 2 ** 31 - 1;

const names = ['nodeName', 'serviceAccountName', 'priorityClassName', 'runtimeClassName', 'schedulerName'] as const;

const validateNames = (spec: PodSpec, path: Path): FieldError[] =>
  names.flatMap((field) => {
    const name = spec[field];
    return name ? broken(child(path, field), name, field === 'schedulerName' ? qualifiedName : subdomainName) : [];
  });

const validateLife = (spec: PodSpec, path: Path): FieldError[] => [
  ...(spec.restartPolicy
    ? oneOf(child(path, 'restartPolicy'), spec.restartPolicy, ['Always', 'Never', 'OnFailure'])
    : [required(child(path, 'restartPolicy'))]),
  ...notNegative(child(path, 'terminationGracePeriodSeconds'), spec.terminationGracePeriodSeconds),
  ...inRange(child(path, 'activeDeadlineSeconds'), spec.activeDeadlineSeconds, 1, deadlineSecondsMax),
  ...oneOf(child(path, 'preemptionPolicy'), spec.preemptionPolicy, ['Never', 'PreemptLowerPriority']),
];

const validateGates = (spec: PodSpec, path: Path): FieldError[] => {
  const gates = spec.schedulingGates ?? [];
  const gateAt = (at: number): Path => index(child(path, 'schedulingGates'), at);
  return [
    ...(spec.readinessGates ?? []).flatMap(({ conditionType }, at) =>
      broken(child(index(child(path, 'readinessGates'), at), 'conditionType'), conditionType ?? '', qualifiedName),
    ),
    ...gates.flatMap(({ name }, at) => broken(gateAt(at), name ?? '', qualifiedName)),
    ...duplicates(gates.map(({ name }) => name), gateAt),
  ];
};

/** A pod with users of its own cannot share what belongs to the host's. */
const validateHostUsers = (spec: PodSpec, path: Path): FieldError[] => {
  if (spec.hostUsers !== false) return [];
  return (['hostNetwork', 'hostPID', 'hostIPC'] as const)
    .filter((field) => spec[field])
    .map((field) => forbiddenField(child(path, field), 'when `hostUsers` is false'));
};

/** `path` is `spec` in a pod, `spec.template.spec` in a template. */
export const validatePodSpec = (spec: PodSpec, path: Path): FieldError[] => [
  ...validateVolumes(spec.volumes ?? [], child(path, 'volumes')),
  ...validateContainers(spec, path),
  ...validateLife(spec, path),
  ...validateNames(spec, path),
  ...validatePodNetwork(spec, path),
  ...validateLabels(spec.nodeSelector, child(path, 'nodeSelector')),
  ...validateAffinity(spec.affinity, child(path, 'affinity')),
  ...validateTopologySpread(spec.topologySpreadConstraints ?? [], child(path, 'topologySpreadConstraints')),
  ...validateTolerations(spec.tolerations ?? [], child(path, 'tolerations')),
  ...validatePodSecurityContext(spec, path),
  ...validateHostUsers(spec, path),
  ...validateGates(spec, path),
  ...validateQuantities(spec.overhead, child(path, 'overhead')),
  ...(spec.os ? (spec.os.name ? oneOf(child(path, 'os', 'name'), spec.os.name, ['linux', 'windows']) : [required(child(path, 'os', 'name'))]) : []),
];
