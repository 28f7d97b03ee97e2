/** The raw write side of the store: no validation, no admission. Only api/ uses it; all others write through api/. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { Stored } from './stored.ts';

export interface StoreWriter {
  /** Throws ApiError AlreadyExists, ServiceUnavailable; ClaimTaken. Resolves when the cache has seen the write. */
  create<T extends KubeObject>(kind: Kind, object: T, options?: { ttlSeconds?: number }): Promise<Stored<T>>;
  /** Replaces the object at `expectedRevision`. Throws ApiError Conflict, NotFound, ServiceUnavailable; ClaimTaken. A TTL given at creation stays. */
  update<T extends KubeObject>(kind: Kind, object: T, expectedRevision: number): Promise<Stored<T>>;
  /** Removes the object at `expectedRevision`; resolves to its last state. Throws ApiError Conflict, NotFound, ServiceUnavailable. */
  remove(kind: Kind, key: string, expectedRevision: number): Promise<Stored>;
}
