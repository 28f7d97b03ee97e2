/** What the write verbs share: their dependencies, the look-up of the present object, and results that are not stored. */
import { type ApiError, notFound } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Random } from '../../proto/process/random.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { objectKey, splitKey } from '../../proto/resources/meta.ts';
import type { Schema } from '../../proto/schema/schema.ts';
import type { Reader } from '../store/reader.ts';
import type { Stored } from '../store/stored.ts';
import type { StoreWriter } from '../store/writer.ts';
import type { Allocator } from './allocation.ts';

export interface WriteContext {
  readonly reader: Reader;
  readonly writer: StoreWriter;
  readonly schema: Schema;
  readonly clock: Clock;
  readonly random: Random;
  /** Without one, services get no addresses. */
  readonly allocator?: Allocator;
}

export const keyOf = (namespace: string, name: string): string => (namespace ? `${namespace}/${name}` : name);

/** The error for an object that is not there. */
export const missing = (kind: Kind, key: string): ApiError => notFound(kind, splitKey(key).name);

/**
 * The present object. One that the cache lacks is looked for again when the cache is current: another controller may
 * have just created it.
 */
export const findPresent = async <T extends KubeObject>(reader: Reader, kind: Kind, key: string): Promise<Stored<T>> => {
  const cached = reader.get<T>(kind, key);
  if (cached) return cached;
  await reader.current();
  const present = reader.get<T>(kind, key);
  if (!present) throw missing(kind, key);
  return present;
};

/** An answer that was not stored (dry run). */
export const unsaved = <T extends KubeObject>(kind: Kind, object: T, revision: number): Stored<T> => ({
  kind,
  key: objectKey(object),
  object,
  revision,
  bytes: Buffer.from(JSON.stringify(object)),
});
