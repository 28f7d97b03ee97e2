/** Containers of all three sorts: regular, init (sidecars among them) and ephemeral. */
import type { FieldError } from '../errors.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import {
  broken, child, duplicate, duplicates, forbiddenField, index, inRange, invalidValue, oneOf, type Path, required, unsupported,
} from './field-error.ts';
import type { Container, ContainerPort, PodSpec } from './kubernetes.ts';
import { labelName, portName } from './names.ts';
import { isSidecar } from './pod.ts';
import { validateLifecycle, validateProbes } from './probe-validation.ts';
import { validateResources } from './resource-validation.ts';
import { validateSecurityContext } from './security-context-validation.ts';
import { validateVolumeMounts } from './volume-mount-validation.ts';

const validatePort = (port: ContainerPort, path: Path): FieldError[] => [
  ...(port.name ? broken(child(path, 'name'), port.name, portName) : []),
  ...(port.containerPort ? inRange(child(path, 'containerPort'), port.containerPort, 1, 65_535) : [required(child(path, 'containerPort'))]),
  ...(port.hostPort ? inRange(child(path, 'hostPort'), port.hostPort, 1, 65_535) : []),
  ...oneOf(child(path, 'protocol'), port.protocol, ['SCTP', 'TCP', 'UDP']),
];

const validatePorts = (ports: readonly ContainerPort[], path: Path): FieldError[] => [
  ...ports.flatMap((port, at) => validatePort(port, index(path, at))),
  ...duplicates(ports.map(({ name }) => name), (at) => child(index(path, at), 'name')),
];

const policies = ['Always', 'IfNotPresent', 'Never'];

const validateImage = (container: Container, path: Path): FieldError[] => {
  const image = container.image ?? '';
  const errors = oneOf(child(path, 'imagePullPolicy'), container.imagePullPolicy, policies);
  if (image === '') return [required(child(path, 'image')), ...errors];
  return image === image.trim() ? errors : [invalidValue(child(path, 'image'), image, 'must not have leading or trailing whitespace'), ...errors];
};

const validateClaims = (container: Container, spec: PodSpec, path: Path): FieldError[] => {
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  return (container.resources?.claims ?? []).flatMap(({ name }, at) => {
    const here = child(index(child(path, 'resources', 'claims'), at), 'name');
    return claims.has(name) ? [] : [invalidValue(here, name, 'must be one of the names in pod.spec.resourceClaims')];
  });
};

/** What holds for every container. `volumes` are the names of the pod's volumes. */
const validateContainer = (container: Container, spec: PodSpec, volumes: ReadonlySet<string>, path: Path): FieldError[] => [
  ...(container.name ? broken(child(path, 'name'), container.name, labelName) : [required(child(path, 'name'))]),
  ...validateImage(container, path),
  ...oneOf(child(path, 'terminationMessagePolicy'), container.terminationMessagePolicy, ['FallbackToLogsOnError', 'File']),
  ...validatePorts(container.ports ?? [], child(path, 'ports')),
  ...validateEnv(container.env ?? [], child(path, 'env')),
  ...validateEnvFrom(container.envFrom ?? [], child(path, 'envFrom')),
  ...validateVolumeMounts(container, volumes, child(path, 'volumeMounts')),
  ...validateResources(container.resources, child(path, 'resources')),
  ...validateClaims(container, spec, path),
  ...validateSecurityContext(container.securityContext, child(path, 'securityContext'), spec.hostUsers !== false),
];

const validateRegular = (container: Container, path: Path, graceSeconds: number): FieldError[] => [
  ...(container.restartPolicy ? [forbiddenField(child(path, 'restartPolicy'), 'may not be set for non-init containers')] : []),
  ...validateLifecycle(container, path, graceSeconds),
  ...validateProbes(container, path),
];

const onlyForSidecars = ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const;

const validateInit = (container: Container, path: Path, graceSeconds: number): FieldError[] => {
  if (isSidecar(container)) return [...validateLifecycle(container, path, graceSeconds), ...validateProbes(container, path)];
  const policy = container.restartPolicy ? [unsupported(child(path, 'restartPolicy'), container.restartPolicy, ['Always'])] : [];
  return [
    ...policy,
    ...onlyForSidecars
      .filter((field) => container[field])
      .map((field) => forbiddenField(child(path, field), 'may not be set for init containers without restartPolicy=Always')),
  ];
};

const forbiddenInEphemeral = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle'] as const;

const validateEphemeral = (container: Container & { targetContainerName?: string }, spec: PodSpec, path: Path): FieldError[] => {
  const errors = forbiddenInEphemeral
    .filter((field) => container[field])
    .map((field) => forbiddenField(child(path, field), 'cannot be set for an Ephemeral Container'));
  const target = container.targetContainerName;
  const known = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].some(({ name }) => name === target);
  if (target && !known) errors.push({ reason: 'FieldValueNotFound', field: child(path, 'targetContainerName'), message: `Not found: ${JSON.stringify(target)}` });
  return errors;
};

/** Two containers of a pod share its addresses, so a host port can be given to one of them only. */
const validateHostPorts = (spec: PodSpec, path: Path): FieldError[] => {
  const seen = new Set<string>();
  return (spec.containers ?? []).flatMap((container, at) =>
    (container.ports ?? []).flatMap((port, portAt) => {
      const here = index(child(index(path, at), 'ports'), portAt);
      const errors: FieldError[] = [];
      if (spec.hostNetwork && port.hostPort !== port.containerPort) {
        errors.push(invalidValue(child(here, 'containerPort'), port.containerPort, 'must match `hostPort` when `hostNetwork` is true'));
      }
      const identity = `${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (port.hostPort && seen.has(identity)) errors.push(duplicate(child(here, 'hostPort'), identity));
      seen.add(identity);
      return errors;
    }),
  );
};

/** All containers of a pod; `path` is that of its spec. */
export const validateContainers = (spec: PodSpec, path: Path): FieldError[] => {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const graceSeconds = spec.terminationGracePeriodSeconds ?? 30;
  const pathOf = { init: child(path, 'initContainers'), regular: child(path, 'containers'), ephemeral: child(path, 'ephemeralContainers') };
  const all = [
    ...(spec.containers ?? []).map((container, at) => ({ container: container as Container, at: index(pathOf.regular, at), sort: 'regular' })),
    ...(spec.initContainers ?? []).map((container, at) => ({ container: container as Container, at: index(pathOf.init, at), sort: 'init' })),
    ...(spec.ephemeralContainers ?? []).map((container, at) => ({ container: container as Container, at: index(pathOf.ephemeral, at), sort: 'ephemeral' })),
  ];
  const errors = spec.containers?.length ? [] : [required(pathOf.regular)];
  for (const { container, at, sort } of all) {
    errors.push(...validateContainer(container, spec, volumes, at));
    if (sort === 'regular') errors.push(...validateRegular(container, at, graceSeconds));
    else if (sort === 'init') errors.push(...validateInit(container, at, graceSeconds));
    else errors.push(...validateEphemeral(container, spec, at));
  }
  return [
    ...errors,
    ...duplicates(all.map(({ container }) => container.name), (at) => child(all[at]?.at ?? '', 'name')),
    ...validateHostPorts(spec, pathOf.regular),
  ];
};
