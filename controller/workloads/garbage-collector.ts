/**
 * Deletes what is owned by nothing that exists, and carries out Foreground and Orphan deletions.
 *
 *     owner gone ──► each dependant: no owner left? delete it
 *     owner with finalizer foregroundDeletion ──► delete dependants ──► none that blocks is left ──► remove finalizer
 *     owner with finalizer orphan ──► strip the references of dependants ──► remove finalizer
 *
 * The cache's index by owner answers who depends on whom, so the work is that of the objects concerned.
 * Writes: deletions of dependants, metadata.ownerReferences that lead nowhere, the two finalizers.
 */
import { eventKind, kindOf, kinds } from '../../proto/kinds.ts';
import type { KubeObject, OwnerReference } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { assert } from '../../proto/process/assert.ts';
import { sameJson } from '../api/json-equality.ts';
import { loopWritesMax } from '../limits.ts';
import type { Change, Stored } from '../store/stored.ts';
import { forEachBounded } from './batches.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import {
  blocks, disowned, fateOf, foregroundFinalizer, orphanFinalizer, type OwnerState, withoutFinalizer,
} from './owner-graph.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'generic-garbage-collector';

/** Events are many, short-lived and never owned; left out to keep the loop quiet. */
const ownedKinds = kinds.filter((kind) => kind !== eventKind);

const keyOf = ({ kind, key }: Stored): string => `${kind.apiVersion}|${kind.kind}|${key}`;

const hasFinalizer = (object: KubeObject, finalizer: string): boolean => object.metadata.finalizers?.includes(finalizer) === true;

export class GarbageCollector implements Reconciliation {
  readonly name = name;
  readonly kinds = ownedKinds;
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  *keysOf({ type, stored, previous }: Change): Iterable<string> {
    const { metadata } = stored.object;
    if (type === 'DELETED') {
      for (const dependant of this.#dependantsOf(stored.object)) yield keyOf(dependant);
      // Owners that wait for it look whether others are left.
      for (const reference of metadata.ownerReferences ?? []) {
        const owner = this.#find(reference, metadata.namespace);
        if (owner) yield keyOf(owner);
      }
      return;
    }
    const lingers = isBeingDeleted(stored.object) && metadata.finalizers?.length;
    // Who owns it was judged when that was last written; when an owner goes, the owner's own deletion leads here.
    const judged = previous !== undefined && sameJson(previous.object.metadata.ownerReferences, metadata.ownerReferences);
    if (lingers || (metadata.ownerReferences?.length && !judged)) yield keyOf(stored);
  }

  async reconcile(key: string, _again: Again, signal: AbortSignal): Promise<void> {
    const [apiVersion = '', kindName = '', objectKey = ''] = key.split('|');
    const kind = kindOf(apiVersion, kindName);
    assert(kind, `${kindName} is a kind`);
    const found = this.#parts.reader.get(kind, objectKey);
    if (found === undefined) return;
    if (isBeingDeleted(found.object)) {
      if (hasFinalizer(found.object, orphanFinalizer)) await this.#orphan(found, signal);
      else if (hasFinalizer(found.object, foregroundFinalizer)) await this.#deleteForeground(found, signal);
      return;
    }
    await this.#settle(found);
  }

  #dependantsOf(owner: KubeObject): Stored[] {
    const uid = owner.metadata.uid ?? '';
    return ownedKinds.flatMap((kind) => this.#parts.reader.indexed(kind, 'owner', uid));
  }

  /** The owner that a reference means: in the dependant's namespace, or in none. Undefined when the uid is another's. */
  #find({ apiVersion, kind: kindName, name: ownerName, uid }: OwnerReference, namespace: string | undefined): Stored | undefined {
    const kind = kindOf(apiVersion, kindName);
    if (kind === undefined) return undefined;
    const found = this.#parts.reader.get(kind, kind.namespaced ? `${namespace ?? ''}/${ownerName}` : ownerName);
    return found?.object.metadata.uid === uid ? found : undefined;
  }

  #stateOf(reference: OwnerReference, namespace: string | undefined): OwnerState {
    // A kind that is not served cannot be looked up; nothing is deleted on a guess.
    if (kindOf(reference.apiVersion, reference.kind) === undefined) return 'solid';
    const owner = this.#find(reference, namespace);
    if (owner === undefined) return 'absent';
    return isBeingDeleted(owner.object) && hasFinalizer(owner.object, foregroundFinalizer) ? 'waiting' : 'solid';
  }

  async #settle(stored: Stored): Promise<void> {
    const { object } = stored;
    const owners = (object.metadata.ownerReferences ?? []).map((reference) => ({
      reference,
      state: this.#stateOf(reference, object.metadata.namespace),
    }));
    const fate = fateOf(object, owners, this.#dependantsOf(object).length > 0);
    if (fate.type === 'disown') await this.#modify(stored, (present) => disowned(present, fate.uids));
    else if (fate.type === 'delete') await this.#delete(stored, fate.policy);
  }

  async #orphan(owner: Stored, signal: AbortSignal): Promise<void> {
    const uid = owner.object.metadata.uid ?? '';
    await forEachBounded(this.#dependantsOf(owner.object), loopWritesMax, async (dependant) => {
      signal.throwIfAborted();
      await this.#modify(dependant, (present) => disowned(present, [uid]));
    });
    await this.#modify(owner, (present) => withoutFinalizer(present, orphanFinalizer));
  }

  async #deleteForeground(owner: Stored, signal: AbortSignal): Promise<void> {
    const uid = owner.object.metadata.uid ?? '';
    const toDelete = this.#dependantsOf(owner.object).filter(({ object }) => !isBeingDeleted(object));
    await forEachBounded(toDelete, loopWritesMax, async (dependant) => {
      signal.throwIfAborted();
      await this.#settle(dependant);
    });
    // A dependant that lingers brings the owner's key back when it is gone at last.
    if (this.#dependantsOf(owner.object).some(({ object }) => blocks(object, uid))) return;
    await this.#modify(owner, (present) => withoutFinalizer(present, foregroundFinalizer));
  }

  async #modify({ kind, key, object }: Stored, change: (present: KubeObject) => KubeObject | undefined): Promise<void> {
    await ignoring(['NotFound'], this.#parts.verbs.modify(
      kind,
      key,
      (present) => (present.metadata.uid === object.metadata.uid ? change(present) : undefined),
      writesAs(name),
    ));
  }

  async #delete({ kind, object }: Stored, propagationPolicy: 'Orphan' | 'Background' | 'Foreground'): Promise<void> {
    const { namespace = '', name: objectName = '', uid, resourceVersion } = object.metadata;
    // Somebody may adopt it at this moment: only as it was judged.
    const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
    await ignoring(['NotFound'], this.#parts.verbs.delete(kind, namespace, objectName, { ...writesAs(name), propagationPolicy, preconditions }));
  }
}
