/**
 * Which dependants belong to an owner: those that name it as their controller, and those without a controller that
 * its selector matches. The uid decides, so that an owner created again under the same name starts with nothing.
 */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject, LabelSelector } from '../../proto/resources/kubernetes.ts';
import { controllerOf, controllerReference, isBeingDeleted } from '../../proto/resources/meta.ts';
import { matchesSelector } from '../../proto/resources/selector.ts';
import type { Verbs } from '../api/verbs.ts';
import type { Reader } from '../store/reader.ts';
import type { Change, Stored } from '../store/stored.ts';
import { loopWritesMax } from '../limits.ts';
import { forEachBounded } from './batches.ts';
import { writesAs } from './loop.ts';

export interface Claims<T extends KubeObject> {
  readonly owned: readonly T[];
  /** Without a controller, and matched: to be owned. */
  readonly adopt: readonly T[];
  /** Owned, but matched no longer: to be let go. */
  readonly release: readonly T[];
}

export const claim = <T extends KubeObject>(
  owner: KubeObject,
  selector: LabelSelector | undefined,
  candidates: readonly T[],
): Claims<T> => {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const matched = matchesSelector(selector, candidate.metadata.labels ?? {});
    if (controller !== undefined) {
      if (controller.uid !== owner.metadata.uid) continue;
      if (matched) owned.push(candidate);
      else if (!isBeingDeleted(owner)) release.push(candidate);
    } else if (matched && !isBeingDeleted(owner) && !isBeingDeleted(candidate)) {
      adopt.push(candidate);
    }
  }
  return { owned, adopt, release };
};

/** Objects of one kind that no controller owns, by namespace: few, so that looking for some to adopt costs little. */
export class Orphans {
  readonly #byNamespace = new Map<string, Map<string, Stored>>();

  clear(): void {
    this.#byNamespace.clear();
  }

  apply({ type, stored }: Change): void {
    const namespace = stored.object.metadata.namespace ?? '';
    const orphans = this.#byNamespace.get(namespace);
    if (type === 'DELETED' || controllerOf(stored.object) !== undefined) {
      orphans?.delete(stored.key);
      if (orphans?.size === 0) this.#byNamespace.delete(namespace);
    } else if (orphans === undefined) {
      this.#byNamespace.set(namespace, new Map([[stored.key, stored]]));
    } else {
      orphans.set(stored.key, stored);
    }
  }

  of(namespace: string): Iterable<Stored> {
    return this.#byNamespace.get(namespace)?.values() ?? [];
  }
}

/** The objects of `kind` that `owner` may have a claim on: what names it, and what names nobody. */
export const candidatesOf = <T extends KubeObject>(reader: Reader, kind: Kind, owner: KubeObject, orphans: Orphans): T[] => {
  const candidates = reader.indexed<T>(kind, 'owner', owner.metadata.uid ?? '').map((stored) => stored.object);
  for (const orphan of orphans.of(owner.metadata.namespace ?? '')) candidates.push(orphan.object as T);
  return candidates;
};

/** Writes adoptions and releases. A dependant that is gone, or that somebody else has taken meanwhile, is left alone. */
export const settleClaims = async <T extends KubeObject>(
  verbs: Verbs,
  kind: Kind,
  owner: KubeObject,
  claims: Claims<T>,
  loop: string,
): Promise<void> => {
  const write = (object: T, change: (present: T) => T | undefined): Promise<unknown> =>
    verbs.modify<T>(
      kind,
      `${object.metadata.namespace}/${object.metadata.name}`,
      (present) => (present.metadata.uid === object.metadata.uid ? change(present) : undefined),
      writesAs(loop),
    );
  const others = (present: T) => (present.metadata.ownerReferences ?? []).filter((reference) => reference.uid !== owner.metadata.uid);
  const withOwners = (present: T, ownerReferences: T['metadata']['ownerReferences']): T => ({
    ...present,
    metadata: { ...present.metadata, ownerReferences },
  });
  await forEachBounded(claims.adopt, loopWritesMax, (object) =>
    write(object, (present) =>
      controllerOf(present) ? undefined : withOwners(present, [...others(present), controllerReference(owner)]),
    ),
  );
  await forEachBounded(claims.release, loopWritesMax, (object) => write(object, (present) => withOwners(present, others(present))));
};
