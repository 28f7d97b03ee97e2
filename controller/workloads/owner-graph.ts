/** What is to become of an object whose owners went away or are going. Pure. */
import type { KubeObject, OwnerReference } from '../../proto/resources/kubernetes.ts';
import type { PropagationPolicy } from '../api/verbs.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export type OwnerState =
  /** There, and staying. */
  | 'solid'
  /** No object with this uid is there. */
  | 'absent'
  /** Being deleted in the foreground: it waits for its dependants. */
  | 'waiting';

export interface OwnerView {
  readonly reference: OwnerReference;
  readonly state: OwnerState;
}

export type Fate =
  | { readonly type: 'keep' }
  /** Some owners are left: forget the others. */
  | { readonly type: 'disown'; readonly uids: readonly string[] }
  | { readonly type: 'delete'; readonly policy: PropagationPolicy };

/** How the object's own dependants are to be treated: as it asked for itself, or quietly. */
const policyOf = (object: KubeObject): PropagationPolicy => {
  const finalizers = object.metadata.finalizers ?? [];
  if (finalizers.includes(orphanFinalizer)) return 'Orphan';
  return finalizers.includes(foregroundFinalizer) ? 'Foreground' : 'Background';
};

/** One owner that stays keeps an object alive. */
export const fateOf = (object: KubeObject, owners: readonly OwnerView[], hasDependants: boolean): Fate => {
  const going = owners.filter(({ state }) => state !== 'solid');
  if (going.length === 0) return { type: 'keep' };
  if (going.length < owners.length) return { type: 'disown', uids: going.map(({ reference }) => reference.uid) };
  const awaited = going.some(({ state }) => state === 'waiting');
  // An owner that waits for us has to wait for ours as well.
  return { type: 'delete', policy: awaited && hasDependants ? 'Foreground' : policyOf(object) };
};

/** Whether the owner's foreground deletion waits for this dependant. */
export const blocks = (dependant: KubeObject, ownerUid: string): boolean =>
  (dependant.metadata.ownerReferences ?? []).some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true);

/** The object without its references to `uids`. */
export const disowned = <T extends KubeObject>(object: T, uids: readonly string[]): T => {
  const left = (object.metadata.ownerReferences ?? []).filter(({ uid }) => !uids.includes(uid));
  const { ownerReferences: _before, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(left.length > 0 ? { ownerReferences: left } : {}) } };
};

export const withoutFinalizer = <T extends KubeObject>(object: T, finalizer: string): T | undefined => {
  const before = object.metadata.finalizers ?? [];
  if (!before.includes(finalizer)) return undefined;
  const left = before.filter((other) => other !== finalizer);
  const { finalizers: _before, ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, ...(left.length > 0 ? { finalizers: left } : {}) } };
};
