/**
 * The seam to etcd: what the store needs of a key-value store, no more. `etcd.ts` implements it over the
 * network; a simulation can implement it in memory. Revisions are etcd's: one counter, one step per transaction; when etcd is
 * restored from a snapshot they go on above all that there were before.
 */

export interface KvEntry {
  readonly key: string;
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface KvRange {
  readonly entries: readonly KvEntry[];
  /** The store's revision at which the range was read. */
  readonly revision: number;
}

/** One write, guarded: it applies only when the key's mod revision is `expectedRevision` (0: the key is absent). */
export interface KvWrite {
  readonly key: string;
  /** Undefined deletes the key. */
  readonly value: Buffer | undefined;
  /** Undefined writes whatever is there. */
  readonly expectedRevision: number | undefined;
  /** Lease the key lives by. When undefined, a key that is guarded to exist keeps the lease that it has. */
  readonly lease?: string;
}

/** Guards a whole transaction: it applies only while the key is the one that was created at this revision. */
export interface KvFence {
  readonly key: string;
  readonly createRevision: number;
}

export type KvTxnResult =
  | { readonly succeeded: true; readonly revision: number }
  /** At least one guard did not hold; nothing was written. `revisions` are the keys' present ones, 0 for absent; `fenced`: the fence did not hold. */
  | { readonly succeeded: false; readonly revision: number; readonly revisions: readonly number[]; readonly fenced?: true };

export type KvEvent =
  | { readonly type: 'put'; readonly entry: KvEntry }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

export interface KvWatchHandlers {
  /** All events of one or more whole revisions, in order, none twice and none left out, across reconnections. */
  onEvents(events: readonly KvEvent[]): void;
  /** The position was compacted away while disconnected, or etcd was restored: read anew and watch from there. The watch has ended. */
  onCompacted(): void;
  /** The connection broke or came back; the watch goes on by itself. */
  onConnection(connected: boolean): void;
}

export interface KvWatch {
  close(): void;
}

/** Thrown by every call while the store cannot be reached. */
export class KvUnavailable extends Error {
  override readonly name = 'KvUnavailable';
}

/** Thrown by `txn` when a write names a lease that has expired or never was; nothing was written. */
export class KvLeaseNotFound extends Error {
  override readonly name = 'KvLeaseNotFound';
}

export interface Kv {
  get(key: string): Promise<KvEntry | undefined>;
  /** Everything below `prefix`, read in pages at one revision. */
  range(prefix: string): Promise<KvRange>;
  /** The store's present revision, by a linearizable read. */
  revision(): Promise<number>;
  /** All writes or none; at most `txnOperationsMax` of them, no key twice. */
  txn(writes: readonly KvWrite[], fence?: KvFence): Promise<KvTxnResult>;
  /** Events from revision `fromRevision` on, for keys below `prefix`. */
  watch(prefix: string, fromRevision: number, handlers: KvWatchHandlers): KvWatch;
  /** Returns the lease's id. */
  grantLease(ttlSeconds: number): Promise<string>;
  /** Returns the seconds that the lease now has; 0 when it is gone. */
  keepLease(lease: string): Promise<number>;
  revokeLease(lease: string): Promise<void>;
  /** Forgets history before `revision`; does nothing when it is forgotten already. */
  compact(revision: number): Promise<void>;
  /** Calls `listener` whenever etcd turns out to have been restored, after the watches have ended. */
  restored(listener: () => void): KvWatch;
  close(): Promise<void>;
}
