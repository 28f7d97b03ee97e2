/**
 * Parts of a pod that are stored and returned but not acted on yet. Each is answered with a Warning, because what
 * runs would otherwise be taken for what was asked for.
 */
import { child, index, type Path } from './field-error.ts';
import type { Container, PodSpec } from './kubernetes.ts';

const supportedVolumes: ReadonlySet<string> = new Set([
  'name', 'emptyDir', 'hostPath', 'configMap', 'secret', 'downwardAPI', 'projected',
]);

const ignored = (path: Path): string => `${path}: stored, but not acted on by Berth yet`;

const isSet = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);

const specFields = [
  'topologySpreadConstraints', 'priorityClassName', 'priority', 'preemptionPolicy', 'runtimeClassName', 'resourceClaims', 'ephemeralContainers',
] as const;

const volumeWarnings = (spec: PodSpec, path: Path): string[] =>
  (spec.volumes ?? []).flatMap((volume, at) => {
    const here = index(child(path, 'volumes'), at);
    const unsupported = Object.entries(volume).filter(([field, source]) => !supportedVolumes.has(field) && isSet(source));
    return [
      ...unsupported.map(([field]) => ignored(child(here, field))),
      ...(volume.projected?.sources ?? []).flatMap((source, sourceAt) =>
        (['serviceAccountToken', 'clusterTrustBundle'] as const)
          .filter((field) => isSet(source[field]))
          .map((field) => ignored(child(index(child(here, 'projected.sources'), sourceAt), field))),
      ),
    ];
  });

/** Allowed, since a Service may name each, but strategic merge knows ports by their number alone. */
const repeatedPorts = (container: Container, path: Path): string[] => {
  const seen = new Map<string, Path>();
  return (container.ports ?? []).flatMap(({ containerPort, hostIP = '', hostPort = 0, protocol = 'TCP' }, at) => {
    const here = index(child(path, 'ports'), at);
    const identity = `${containerPort} ${protocol} ${hostIP} ${hostPort}`;
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, here);
    return first === undefined ? [] : [`${here}: duplicate port definition with ${first}`];
  });
};

const containerWarnings = (container: Container, path: Path): string[] => {
  const warnings = (container.ports ?? []).flatMap(({ protocol }, at) =>
    protocol === 'SCTP' ? [ignored(child(index(child(path, 'ports'), at), 'protocol'))] : [],
  );
  warnings.push(...repeatedPorts(container, path));
  for (const [at, { recursiveReadOnly }] of (container.volumeMounts ?? []).entries()) {
    if (isSet(recursiveReadOnly) && recursiveReadOnly !== 'Disabled') {
      warnings.push(ignored(child(index(child(path, 'volumeMounts'), at), 'recursiveReadOnly')));
    }
  }
  if (isSet(container.volumeDevices)) warnings.push(ignored(child(path, 'volumeDevices')));
  for (const field of ['seLinuxOptions', 'appArmorProfile', 'windowsOptions'] as const) {
    if (isSet(container.securityContext?.[field])) warnings.push(ignored(child(path, 'securityContext', field)));
  }
  const seen = new Set<string>();
  for (const [at, { name }] of (container.env ?? []).entries()) {
    if (seen.has(name)) warnings.push(`${index(child(path, 'env'), at)}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`);
    seen.add(name);
  }
  return warnings;
};

const deprecatedLabels: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
};

export const podSpecWarnings = (spec: PodSpec | undefined, path: Path): string[] => {
  if (!spec) return [];
  const warnings = specFields.filter((field) => isSet(spec[field])).map((field) => ignored(child(path, field)));
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    if (isSet(spec.affinity?.[field])) warnings.push(ignored(child(path, 'affinity', field)));
  }
  for (const field of ['seLinuxOptions', 'appArmorProfile', 'windowsOptions'] as const) {
    if (isSet(spec.securityContext?.[field])) warnings.push(ignored(child(path, 'securityContext', field)));
  }
  // Nobody asks for the default, which mounts a token too; who asks for it counts on it.
  if (spec.automountServiceAccountToken === true) warnings.push(ignored(child(path, 'automountServiceAccountToken')));
  if (spec.hostUsers === false) warnings.push(ignored(child(path, 'hostUsers')));
  for (const [at, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!name) warnings.push(`${child(index(child(path, 'imagePullSecrets'), at), 'name')}: invalid empty name ""`);
  }
  for (const label of Object.keys(spec.nodeSelector ?? {})) {
    const modern = Object.hasOwn(deprecatedLabels, label) ? deprecatedLabels[label] : undefined;
    if (modern) warnings.push(`${child(path, 'nodeSelector')}[${label}]: deprecated; use "${modern}" instead`);
  }
  return [
    ...warnings,
    ...volumeWarnings(spec, path),
    ...(spec.initContainers ?? []).flatMap((container, at) => containerWarnings(container, index(child(path, 'initContainers'), at))),
    ...(spec.containers ?? []).flatMap((container, at) => containerWarnings(container, index(child(path, 'containers'), at))),
  ];
};
