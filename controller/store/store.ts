/** The write side: objects to guarded writes, and the answers to what the API says. */
import { alreadyExists, ApiError, conflict, notFound, unavailable } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { objectKey, splitKey } from '../../proto/resources/meta.ts';
import { objectBytesMax } from '../limits.ts';
import { encodeJson, storedAt } from './codec.ts';
import { GroupCommit, GuardFailed, type GuardedWrite, type Written } from './group-commit.ts';
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
}

const encodeBounded = (object: KubeObject): Buffer => {
  const json = encodeJson(object);
  if (json.length <= objectBytesMax) return json;
  throw new ApiError('RequestEntityTooLarge', `the object is larger than ${objectBytesMax} bytes`);
};

export class Store implements StoreWriter {
  readonly #reader: Reader;
  readonly #leases: LeasePool;
  readonly #commits: GroupCommit;

  constructor({ kv, reader, clock }: StoreOptions) {
    this.#reader = reader;
    this.#leases = new LeasePool(kv, clock);
    this.#commits = new GroupCommit(kv, () => this.#leases.forget());
  }

  async create<T extends KubeObject>(kind: Kind, object: T, options: { ttlSeconds?: number } = {}): Promise<Stored<T>> {
    const key = objectKey(object);
    const json = encodeBounded(object);
    const lease = options.ttlSeconds === undefined ? undefined : await this.#lease(options.ttlSeconds);
    const revision = await this.#write(kind, key, { json, expectedRevision: 0, ...(lease === undefined ? {} : { lease }) });
    return this.#result(kind, key, object, revision);
  }

  async update<T extends KubeObject>(kind: Kind, object: T, expectedRevision: number): Promise<Stored<T>> {
    const key = objectKey(object);
    const present = this.#guard(kind, key, expectedRevision);
    const revision = await this.#write(kind, key, { json: encodeBounded(object), expectedRevision: present });
    return this.#result(kind, key, object, revision);
  }

  async remove(kind: Kind, key: string, expectedRevision: number): Promise<Stored> {
    const present = this.#guard(kind, key, expectedRevision);
    const last = this.#reader.get(kind, key);
    // The last state can only be told when the cache has it; behind the cache's back nothing is removed.
    if (!last) throw notFound(kind, splitKey(key).name);
    if (last.revision !== expectedRevision) throw conflict(kind, splitKey(key).name);
    const revision = await this.#write(kind, key, { json: undefined, expectedRevision: present });
    return storedAt(kind, key, last.object, revision);
  }

  /** etcd's half of an object's revision. One that no object can have is stale by definition, and 0 would create. */
  #guard(kind: Kind, key: string, expectedRevision: number): number {
    const modRevision = modRevisionOf(expectedRevision);
    if (!(modRevision > 0)) throw conflict(kind, splitKey(key).name);
    return modRevision;
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
  async #write(kind: Kind, key: string, write: Omit<GuardedWrite, 'key'>): Promise<number> {
    let written: Written;
    try {
      written = await this.#commits.add({ ...write, key: storageKey(kind, key) });
    } catch (error) {
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
