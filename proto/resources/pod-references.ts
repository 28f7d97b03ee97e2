/** The objects of its own namespace that a pod names: what a node must have to run it. */
import type { Container, Pod, Volume } from './kubernetes.ts';

export type ReferencedKind = 'ConfigMap' | 'Secret' | 'ServiceAccount';

export interface PodReference {
  readonly kind: ReferencedKind;
  readonly name: string;
}

type Named = readonly [kind: ReferencedKind, name: string | undefined];

const ofVolume = (volume: Volume): Named[] => [
  ['ConfigMap', volume.configMap?.name],
  ['Secret', volume.secret?.secretName],
  ...(volume.projected?.sources ?? []).flatMap((source): Named[] => [
    ['ConfigMap', source.configMap?.name],
    ['Secret', source.secret?.name],
  ]),
];

const ofContainer = (container: Pick<Container, 'env' | 'envFrom'>): Named[] => [
  ...(container.env ?? []).flatMap(({ valueFrom }): Named[] => [
    ['ConfigMap', valueFrom?.configMapKeyRef?.name],
    ['Secret', valueFrom?.secretKeyRef?.name],
  ]),
  ...(container.envFrom ?? []).flatMap((source): Named[] => [
    ['ConfigMap', source.configMapRef?.name],
    ['Secret', source.secretRef?.name],
  ]),
];

/** In the order of the spec; what is named twice comes twice. */
export const podReferences = ({ spec }: Pod): PodReference[] => {
  if (!spec) return [];
  const named: Named[] = [
    ['ServiceAccount', spec.serviceAccountName ?? 'default'],
    ...(spec.imagePullSecrets ?? []).map(({ name }): Named => ['Secret', name]),
    ...(spec.volumes ?? []).flatMap(ofVolume),
    ...[...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].flatMap(ofContainer),
  ];
  return named.flatMap(([kind, name]) => (name ? [{ kind, name }] : []));
};
