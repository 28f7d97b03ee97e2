/**
 * Which objects a node needs: those that its pods name, and the pull secrets that its pods' service accounts name.
 * Counted by reference, so that a change costs what changed and not what the node runs.
 */
import type { ObjectName } from '../../proto/node-service.ts';
import type { Container, KubeObject, Pod, ServiceAccount, Volume } from '../../proto/resources/kubernetes.ts';

export type NeededKind = 'ConfigMap' | 'Secret' | 'ServiceAccount';

export interface Needed extends ObjectName {
  readonly kind: NeededKind;
}

/** `Secret/default/registry`. */
export const neededKey = ({ kind, namespace, name }: ObjectName): string => `${kind}/${namespace}/${name}`;

type Named = readonly [kind: NeededKind, name: string | undefined];

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

const distinct = (namespace: string, names: readonly Named[]): Needed[] => {
  const found = new Map<string, Needed>();
  for (const [kind, name] of names) {
    if (!name) continue;
    const needed = { kind, namespace, name };
    found.set(neededKey(needed), needed);
  }
  return [...found.values()];
};

/** What a pod names, each once. */
export const neededByPod = (pod: Pod): Needed[] => {
  const { spec } = pod;
  if (!spec) return [];
  return distinct(pod.metadata.namespace ?? '', [
    ['ServiceAccount', spec.serviceAccountName ?? 'default'],
    ...(spec.imagePullSecrets ?? []).map(({ name }): Named => ['Secret', name]),
    ...(spec.volumes ?? []).flatMap(ofVolume),
    ...[...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])].flatMap(ofContainer),
  ]);
};

/** What an object that a pod names itself needs: a service account's pull secrets. */
export const neededByObject = (object: KubeObject): Needed[] =>
  object.kind === 'ServiceAccount'
    ? distinct(
        object.metadata.namespace ?? '',
        ((object as ServiceAccount).imagePullSecrets ?? []).map(({ name }): Named => ['Secret', name]),
      )
    : [];

export interface NeedChange {
  /** Needed now and not before. */
  readonly added: readonly Needed[];
  /** Needed before and by nobody now. */
  readonly dropped: readonly Needed[];
}

/** The reference counts of one node. An owner is a pod's uid or the key of an object that needs others. */
export class Assignments {
  readonly #byOwner = new Map<string, readonly Needed[]>();
  readonly #counts = new Map<string, number>();

  needs(key: string): boolean {
    return this.#counts.has(key);
  }

  /** Replaces what `owner` needs; nothing, when it is gone. */
  set(owner: string, needed: readonly Needed[]): NeedChange {
    const before = this.#byOwner.get(owner) ?? [];
    const added = needed.filter((one) => this.#count(one, 1) === 1);
    const dropped = before.filter((one) => this.#count(one, -1) === 0);
    if (needed.length > 0) this.#byOwner.set(owner, needed);
    else this.#byOwner.delete(owner);
    return { added, dropped };
  }

  #count(needed: Needed, step: 1 | -1): number {
    const key = neededKey(needed);
    const count = (this.#counts.get(key) ?? 0) + step;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
    return count;
  }
}
