/**
 * Writes that are ready together share one transaction.
 *
 *     add ─► queue ─► take a batch (no key twice, bounded) ─► txn ─┬─ succeeded: all are written
 *              ▲                                                   ├─ a guard or the fence failed: those writes are answered, the rest goes again
 *              └───────────────────────────────────────────────────┘  no answer: the outcome of the batch is unknown, the queue's is not
 *
 * Invariants: one transaction is in flight at most, so writes of one key keep their order. A write whose answer was
 * lost is never sent again: only its author can find out what became of it.
 */
import { ApiError, unavailable } from '../../proto/errors.ts';
import { assert } from '../../proto/process/assert.ts';
import { txnBytesMax, txnOperationsMax, writesQueuedMax } from '../limits.ts';
import { encodeValue } from './codec.ts';
import type { Fence } from './fence.ts';
import { type Kv, KvLeaseNotFound, type KvTxnResult, KvUnavailable, type KvWrite } from './kv.ts';

export interface GuardedWrite {
  /** Storage key. */
  readonly key: string;
  /** Undefined deletes. */
  readonly json: Buffer | undefined;
  /** etcd's mod revision; 0 creates. */
  readonly expectedRevision: number;
  readonly lease?: string;
  /** Keys that are written (guarded to be absent) or deleted together with it, fewer than `txnOperationsMax`. */
  readonly beside?: readonly BesideWrite[];
  /** It is a leader's, and holds only while he leads. */
  readonly fence?: Fence;
}

export interface BesideWrite {
  readonly key: string;
  /** Undefined deletes. */
  readonly value: Buffer | undefined;
}

export interface Written {
  readonly modRevision: number;
  /** The write's place in its transaction. */
  readonly place: number;
}

/** The guard did not hold. */
export class GuardFailed extends Error {
  override readonly name = 'GuardFailed';
  /** The key's mod revision; 0 when it is absent. */
  readonly presentRevision: number;

  constructor(presentRevision: number) {
    super('the key is at another revision');
    this.presentRevision = presentRevision;
  }
}

/** The write's own guard holds, but keys beside it are there already. */
export class BesideTaken extends Error {
  override readonly name = 'BesideTaken';
  readonly keys: readonly string[];

  constructor(keys: readonly string[]) {
    super('keys beside the write are there already');
    this.keys = keys;
  }
}

/** The write's fence did not hold: who wrote leads no more. */
export class FenceBroken extends Error {
  override readonly name = 'FenceBroken';
}

interface Pending {
  readonly write: GuardedWrite;
  readonly resolve: (written: Written) => void;
  readonly reject: (error: unknown) => void;
}

const none: readonly BesideWrite[] = [];

const outcomeUnknown = (): ApiError => unavailable('etcd did not answer; whether the write took effect is unknown');

export class GroupCommit {
  readonly #kv: Kv;
  readonly #onLeaseLost: () => void;
  #queue: Pending[] = [];
  #committing = false;

  constructor(kv: Kv, onLeaseLost: () => void) {
    this.#kv = kv;
    this.#onLeaseLost = onLeaseLost;
  }

  /** Throws GuardFailed, BesideTaken, FenceBroken, ApiError ServiceUnavailable or TooManyRequests. */
  add(write: GuardedWrite): Promise<Written> {
    const { promise, resolve, reject } = Promise.withResolvers<Written>();
    if (this.#queue.length >= writesQueuedMax) {
      reject(new ApiError('TooManyRequests', 'too many writes are waiting', { retryAfterSeconds: 1 }));
      return promise;
    }
    this.#queue.push({ write, resolve, reject });
    if (!this.#committing) {
      this.#committing = true;
      // In a later microtask, so that writes of one turn of the event loop find each other.
      queueMicrotask(() => void this.#commitAll());
    }
    return promise;
  }

  async #commitAll(): Promise<void> {
    while (this.#queue.length > 0) await this.#commit(this.#takeBatch());
    this.#committing = false;
  }

  /** The front of the queue, without a second write of any key or a second fence; what is left out keeps its order among writes of its key. */
  #takeBatch(): readonly Pending[] {
    const batch: Pending[] = [];
    const left: Pending[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    let operations = 0;
    let full = false;
    let fence: Fence | undefined;
    for (const pending of this.#queue) {
      const { key, json, beside = none } = pending.write;
      const size = json?.length ?? 0;
      const own = [key, ...beside.map((write) => write.key)];
      full ||= batch.length > 0 && (operations + own.length > txnOperationsMax || bytes + size > txnBytesMax);
      const otherTerm = pending.write.fence !== undefined && fence !== undefined && pending.write.fence !== fence;
      if (full || otherTerm || own.some((each) => keys.has(each))) {
        left.push(pending);
        // What is left comes first at its keys: nothing behind it may overtake it there.
        for (const each of own) keys.add(each);
        continue;
      }
      for (const each of own) keys.add(each);
      fence ??= pending.write.fence;
      operations += own.length;
      bytes += size;
      batch.push(pending);
    }
    this.#queue = left;
    return batch;
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const writes = batch.map(({ write }, place): KvWrite => ({
      key: write.key,
      value: write.json === undefined ? undefined : encodeValue(write.json, place),
      expectedRevision: write.expectedRevision,
      ...(write.lease === undefined ? {} : { lease: write.lease }),
    }));
    // Behind all objects, so that these keep the places that their values say.
    const beside = batch.flatMap(({ write }) => write.beside ?? none).map(({ key, value }): KvWrite => ({
      key,
      value,
      expectedRevision: value === undefined ? undefined : 0,
    }));
    try {
      this.#settle(batch, await this.#kv.txn([...writes, ...beside], batch.find(({ write }) => write.fence)?.write.fence));
    } catch (error) {
      this.#failed(batch, error);
    }
  }

  #settle(batch: readonly Pending[], result: KvTxnResult): void {
    if (result.succeeded) {
      for (const [place, pending] of batch.entries()) pending.resolve({ modRevision: result.revision, place });
      return;
    }
    const again: Pending[] = [];
    const { fenced = false } = result;
    let besideAt = batch.length;
    for (const [at, pending] of batch.entries()) {
      const { expectedRevision, beside = none } = pending.write;
      const present = result.revisions[at] ?? 0;
      const first = besideAt;
      besideAt += beside.length;
      const taken = beside.filter(({ value }, offset) => value !== undefined && (result.revisions[first + offset] ?? 0) > 0);
      if (fenced && pending.write.fence) pending.reject(new FenceBroken('who wrote leads no more'));
      else if (present !== expectedRevision) pending.reject(new GuardFailed(present));
      else if (taken.length > 0) pending.reject(new BesideTaken(taken.map(({ key }) => key)));
      else again.push(pending);
    }
    assert(again.length < batch.length, 'a transaction fails because a guard does not hold');
    this.#queue.unshift(...again);
  }

  #failed(batch: readonly Pending[], error: unknown): void {
    if (error instanceof KvLeaseNotFound) {
      this.#onLeaseLost();
      for (const { write, reject } of batch) if (write.lease !== undefined) reject(unavailable('the lease of the object was lost'));
      this.#queue.unshift(...batch.filter(({ write }) => write.lease === undefined));
      return;
    }
    const unreachable = error instanceof KvUnavailable;
    for (const { reject } of batch) reject(unreachable ? outcomeUnknown() : error);
    if (!unreachable) return;
    // These were never sent. To let each wait for its own timeout would only make clients wait longer for the same answer.
    const queued = this.#queue;
    this.#queue = [];
    for (const { reject } of queued) reject(unavailable('etcd cannot be reached; nothing was written'));
  }
}
