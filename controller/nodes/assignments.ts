/**
 * Which objects a node needs: those that its pods name, and the pull secrets that its pods' service accounts name.
 * Counted by reference, so that a change costs what changed and not what the node runs.
 */
import type { ObjectName } from '../../proto/node-service.ts';
import type { KubeObject, Pod, ServiceAccount } from '../../proto/resources/kubernetes.ts';
import { podReferences, type PodReference, type ReferencedKind } from '../../proto/resources/pod-references.ts';

export type NeededKind = ReferencedKind;

export interface Needed extends ObjectName {
  readonly kind: NeededKind;
}

/** `Secret/default/registry`. */
export const neededKey = ({ kind, namespace, name }: ObjectName): string => `${kind}/${namespace}/${name}`;

const distinct = (namespace: string, references: readonly PodReference[]): Needed[] => {
  const found = new Map<string, Needed>();
  for (const { kind, name } of references) {
    const needed = { kind, namespace, name };
    found.set(neededKey(needed), needed);
  }
  return [...found.values()];
};

/** What a pod names, each once. */
export const neededByPod = (pod: Pod): Needed[] => distinct(pod.metadata.namespace ?? '', podReferences(pod));

/** What an object that a pod names itself needs: a service account's pull secrets. */
export const neededByObject = (object: KubeObject): Needed[] =>
  object.kind === 'ServiceAccount'
    ? distinct(
        object.metadata.namespace ?? '',
        ((object as ServiceAccount).imagePullSecrets ?? []).flatMap(({ name }) => (name ? [{ kind: 'Secret' as const, name }] : [])),
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

  /** The keys of all that is needed. */
  keys(): Iterable<string> {
    return this.#counts.keys();
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
