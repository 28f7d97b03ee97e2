/**
 * Every verb of the API once, for HTTP requests and for Berth's own loops alike: admission, defaults, validation,
 * optimistic concurrency and deletion rules hold for both. `api.ts` implements this.
 */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { Stored } from '../store/stored.ts';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

export interface WriteOptions {
  readonly user: User;
  /** Recorded in managedFields, e.g. `kubectl-client-side-apply`, `deployment-controller`. */
  readonly fieldManager: string;
  readonly dryRun?: boolean;
  /** How unknown fields are answered; given for objects of clients. Without it (Berth's own loops) fields are not checked. */
  readonly fieldValidation?: FieldValidation;
  /** Paths that the client's body gave twice. */
  readonly duplicates?: readonly string[];
  /** `status`, `scale`, `finalize`, `binding`: the part of the object that the write is limited to. */
  readonly subresource?: string;
  /** Receives what would go into Warning headers. */
  readonly warn?: (text: string) => void;
}

export type PropagationPolicy = 'Orphan' | 'Background' | 'Foreground';

export interface DeleteOptions extends WriteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: PropagationPolicy;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** Why a pod is taken away that did nothing wrong: its condition DisruptionTarget, written with the deletion. */
  readonly disruption?: { readonly reason: string; readonly message: string };
}

export type PatchType = 'json' | 'merge' | 'strategic';

export interface Deleted {
  /** The object when it lingers (finalizers, grace); its last state when it is gone. */
  readonly stored: Stored;
  readonly gone: boolean;
}

/** All writes throw ApiError; all resolve when the cache has seen the write. */
export interface Verbs {
  create<T extends KubeObject>(kind: Kind, namespace: string, object: T, options: WriteOptions): Promise<Stored<T>>;
  /** With metadata.resourceVersion: only if still at it. A write that changes nothing stores nothing. */
  update<T extends KubeObject>(kind: Kind, namespace: string, object: T, options: WriteOptions): Promise<Stored<T>>;
  /** Applies `change` to the present object and stores the result; on a conflict reads anew and tries again. `change` returns undefined to leave it. */
  modify<T extends KubeObject>(
    kind: Kind,
    key: string,
    change: (present: T) => T | undefined,
    options: WriteOptions,
  ): Promise<Stored<T>>;
  patch(kind: Kind, namespace: string, name: string, type: PatchType, patch: unknown, options: WriteOptions): Promise<Stored>;
  delete(kind: Kind, namespace: string, name: string, options: DeleteOptions): Promise<Deleted>;
  /** Deletes a pod if its disruption budget allows. Throws TooManyRequests while it does not. */
  evict(namespace: string, name: string, options: DeleteOptions): Promise<Deleted>;
  /** Sets spec.nodeName and the PodScheduled condition, whose message says why that node. Throws Conflict when the pod has a node or is being deleted. */
  bind(namespace: string, name: string, uid: string, nodeName: string, options: WriteOptions, why?: string): Promise<Stored>;
  /** Removes a pod that its node says has stopped, whatever grace remained: the node's half of graceful deletion. Nothing happens when the uid differs. */
  finishPodDeletion(namespace: string, name: string, uid: string): Promise<void>;
}
