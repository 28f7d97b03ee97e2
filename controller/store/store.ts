/** The write side: objects to guarded writes, and the answers to what the API says. */
import { alreadyExists, ApiError, conflict, notFound, unavailable } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { objectKey, splitKey } from '../../proto/resources/meta.ts';
import { objectBytesMax, txnOperationsMax } from '../limits.ts';
import { claimChanges, type ClaimChanges, claimKey, type ClaimsOf, ClaimTaken, noClaims } from './claims.ts';
import { encodeJson, storedAt } from './codec.ts';
import type { Fence } from './fence.ts';
import { BesideTaken, type BesideWrite, FenceBroken, GroupCommit, GuardFailed, type GuardedWrite, type Written } from './group-commit.ts';
import { storageKey } from './keys.ts';
import { type Kv, KvUnavailable } from './kv.ts';
import { LeasePool } from './lease-pool.ts';
import type { Reader } from './reader.ts';
import { modRevisionOf, revisionAt } from './revisions.ts';
import type { Stored } from './stored.ts';
import type { StoreWriter } from './writer.ts';

export interface StoreOptions {
  readonly kv: Kv;
  readonly reader: Reader;
  readonly clock: Clock;
  /** What objects have to themselves; nothing when left out. */
  readonly claimsOf?: ClaimsOf;
}

const encodeBounded = (object: KubeObject): Buffer => {
  const json = encodeJson(object);
  if (json.length <= objectBytesMax) return json;
  throw new ApiError('RequestEntityTooLarge', `the object is larger than ${objectBytesMax} bytes`);
};

/** Keys beside an object's write: its claims are made in its name, those that it gives up are deleted. */
const besideOf = ({ taken, released }: ClaimChanges, kind: Kind, key: string): BesideWrite[] => {
  if (taken.length + released.length >= txnOperationsMax) {
    throw new ApiError('RequestEntityTooLarge', `the object has more than ${txnOperationsMax - 1} addresses and ports to itself`);
  }
  const value = Buffer.from(storageKey(kind, key));
  return [
    ...taken.map((claim) => ({ key: claimKey(claim), value })),
    ...released.map((claim) => ({ key: claimKey(claim), value: undefined })),
  ];
};

export class Store implements StoreWriter {
  readonly #reader: Reader;
  readonly #leases: LeasePool;
  readonly #commits: GroupCommit;
  readonly #claimsOf: ClaimsOf;
  readonly #options: StoreOptions;
  readonly #fence: Fence | undefined;

  /** With `fenced` its writes are a leader's; they share transactions with those of the store that it is of. */
  constructor(options: StoreOptions, fenced?: { readonly of: Store; readonly fence: Fence }) {
    const { kv, reader, clock, claimsOf = noClaims } = options;
    this.#options = options;
    this.#reader = reader;
    this.#claimsOf = claimsOf;
    this.#fence = fenced?.fence;
    this.#leases = fenced ? fenced.of.#leases : new LeasePool(kv, clock);
    this.#commits = fenced ? fenced.of.#commits : new GroupCommit(kv, () => this.#leases.forget());
  }

  /** The same store for a leader: nothing that is written by it takes effect once the fence is broken. */
  fenced(fence: Fence): StoreWriter {
    return new Store(this.#options, { of: this, fence });
  }

  async create<T extends KubeObject>(kind: Kind, object: T, options: { ttlSeconds?: number } = {}): Promise<Stored<T>> {
    const key = objectKey(object);
    const json = encodeBounded(object);
    const lease = options.ttlSeconds === undefined ? undefined : await this.#lease(options.ttlSeconds);
    const claims = claimChanges(this.#claimsOf, undefined, object);
    const revision = await this.#write(kind, key, { json, expectedRevision: 0, ...(lease === undefined ? {} : { lease }) }, claims);
    return this.#result(kind, key, object, revision);
  }

  async update<T extends KubeObject>(kind: Kind, object: T, expectedRevision: number): Promise<Stored<T>> {
    const key = objectKey(object);
    const present = this.#guard(kind, key, expectedRevision);
    const claims = claimChanges(this.#claimsOf, this.#lastAt(kind, key, expectedRevision, object), object);
    const revision = await this.#write(kind, key, { json: encodeBounded(object), expectedRevision: present }, claims);
    return this.#result(kind, key, object, revision);
  }

  async remove(kind: Kind, key: string, expectedRevision: number): Promise<Stored> {
    const present = this.#guard(kind, key, expectedRevision);
    const last = this.#reader.get(kind, key);
    // The last state can only be told when the cache has it; behind the cache's back nothing is removed.
    if (!last) throw notFound(kind, splitKey(key).name);
    if (last.revision !== expectedRevision) throw conflict(kind, splitKey(key).name);
    const claims = claimChanges(this.#claimsOf, last.object, undefined);
    const revision = await this.#write(kind, key, { json: undefined, expectedRevision: present }, claims);
    return storedAt(kind, key, last.object, revision);
  }

  /** etcd's half of an object's revision. One that no object can have is stale by definition, and 0 would create. */
  #guard(kind: Kind, key: string, expectedRevision: number): number {
    const modRevision = modRevisionOf(expectedRevision);
    if (!(modRevision > 0)) throw conflict(kind, splitKey(key).name);
    return modRevision;
  }

  /** What `object` replaces, for its claims; the cache must have it, unless the object has none. */
  #lastAt(kind: Kind, key: string, expectedRevision: number, object: KubeObject): KubeObject | undefined {
    const last = this.#reader.get(kind, key);
    if (last?.revision === expectedRevision) return last.object;
    const mayClaim = [object, ...(last ? [last.object] : [])].some((each) => this.#claimsOf(each).length > 0);
    if (mayClaim) throw conflict(kind, splitKey(key).name);
    return undefined;
  }

  async #lease(ttlSeconds: number): Promise<string> {
    try {
      return await this.#leases.leaseFor(ttlSeconds);
    } catch (error) {
      if (error instanceof KvUnavailable) throw unavailable('etcd cannot be reached; nothing was written');
      throw error;
    }
  }

  /** Resolves to the change's revision when the cache has seen it. */
  async #write(kind: Kind, key: string, write: Omit<GuardedWrite, 'beside' | 'key'>, claims: ClaimChanges): Promise<number> {
    let written: Written;
    try {
      const fence = this.#fence;
      written = await this.#commits.add({ ...write, key: storageKey(kind, key), beside: besideOf(claims, kind, key), ...(fence ? { fence } : {}) });
    } catch (error) {
      if (error instanceof FenceBroken) {
        this.#fence?.onBroken();
        throw unavailable('this controller leads no more; nothing was written');
      }
      if (error instanceof BesideTaken) throw new ClaimTaken(claims.taken.filter((claim) => error.keys.includes(claimKey(claim))));
      if (!(error instanceof GuardFailed)) throw error;
      const { name } = splitKey(key);
      if (write.expectedRevision === 0) throw alreadyExists(kind, name);
      throw error.presentRevision === 0 ? notFound(kind, name) : conflict(kind, name);
    }
    const revision = revisionAt(written.modRevision, written.place);
    await this.#reader.reached(revision);
    return revision;
  }

  /** The cache's own copy when it is still at our revision, so that the object is held once. */
  #result<T extends KubeObject>(kind: Kind, key: string, object: T, revision: number): Stored<T> {
    const cached = this.#reader.get<T>(kind, key);
    return cached?.revision === revision ? cached : storedAt(kind, key, object, revision);
  }
}
