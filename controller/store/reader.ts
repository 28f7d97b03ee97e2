/** The read side of the store: the watch cache, as everybody but the store sees it. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { Change, Stored } from './stored.ts';

/** Indexes that the cache keeps for every kind; a kind that lacks the field is simply not in the index. */
export type IndexName =
  /** metadata.namespace */
  | 'namespace'
  /** uid of each ownerReference */
  | 'owner'
  /** spec.nodeName of pods */
  | 'node';

export interface Subscription {
  close(): void;
}

/** Why a watcher was ended by the cache: it fell too far behind, or its position is no longer in the history. */
export type WatchEnd = 'lagging' | 'expired';

export interface ChangeWatcher extends Subscription {
  /**
   * Every change up to it has been handed out and dealt with (the reader came back for more): safe in a bookmark of
   * this watch, where the cache's own revision may run ahead of what the reader has written to its client.
   */
  readonly revision: number;
  /** Changes in revision order, in batches as they become ready. Ends by return when closed; throws ApiError Expired on a WatchEnd. */
  changes(): AsyncIterable<readonly Change[]>;
}

export interface Reader {
  /** The revision that the cache has seen. */
  readonly revision: number;
  get<T extends KubeObject = KubeObject>(kind: Kind, key: string): Stored<T> | undefined;
  /** All objects of a kind, in key order; of one namespace when given. */
  list<T extends KubeObject = KubeObject>(kind: Kind, namespace?: string): readonly Stored<T>[];
  indexed<T extends KubeObject = KubeObject>(kind: Kind, index: IndexName, value: string): readonly Stored<T>[];
  /** Resolves when the cache holds everything that was written before the call (asks etcd for its revision). Throws ApiError ServiceUnavailable. */
  current(signal?: AbortSignal): Promise<void>;
  /** Resolves when the cache has seen `revision`. Throws ApiError Timeout. */
  reached(revision: number, signal?: AbortSignal): Promise<void>;
  /** For clients: changes after `revision`, from the bounded history and then live. Throws ApiError Expired. */
  watch(kind: Kind, revision: number, namespace?: string): ChangeWatcher;
  /** For the loops: synchronous, called after the cache has taken the change, never with a gap. Existing objects first, as ADDED. */
  subscribe(kinds: readonly Kind[], onChanges: (changes: readonly Change[]) => void): Subscription;
}
