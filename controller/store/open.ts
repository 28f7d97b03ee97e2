/** The store as a whole. */
import { isApiError } from '../../proto/errors.ts';
import { kinds } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { Cache } from './cache.ts';
import type { ClaimsOf } from './claims.ts';
import { Compaction } from './compaction.ts';
import type { Fence } from './fence.ts';
import type { Kv, KvFence } from './kv.ts';
import type { Reader } from './reader.ts';
import { revisionEnd } from './revisions.ts';
import { Store } from './store.ts';
import type { StoreWriter } from './writer.ts';

export interface OpenStoreOptions {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  /** What objects have to themselves (claims.ts); nothing when left out. */
  readonly claimsOf?: ClaimsOf;
}

export interface OpenStore {
  readonly reader: Reader;
  readonly writer: StoreWriter;
  /** The writer of a leader's loops: nothing takes effect once the fence is broken. */
  fenced(fence: Fence): StoreWriter;
  /** Resolves when the cache shows all that was written under earlier fences, or `signal` aborts. A loop that did not see it would do it again. */
  caughtUp(fence: KvFence, signal: AbortSignal): Promise<void>;
  /** Whether etcd is reachable, as far as the watch can tell. */
  connected(): boolean;
  /** Leaves `kv` open: it belongs to the caller. */
  close(): void;
}

const caughtUp = async (cache: Cache, log: Log, { createRevision }: KvFence, signal: AbortSignal): Promise<void> => {
  const revision = revisionEnd(createRevision);
  while (!signal.aborted && cache.revision < revision) {
    try {
      await cache.reached(revision, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isApiError(error, 'Timeout')) throw error;
      log.warn('the cache is behind: the loops wait for it');
    }
  }
};

/** Resolves when the cache is filled; waits, with a line in the log, while etcd is away. */
export const openStore = async (options: OpenStoreOptions, signal?: AbortSignal): Promise<OpenStore> => {
  const { kv, clock, random, claimsOf } = options;
  const log = options.log.child('store');
  const cache = new Cache({ kv, clock, random, log, kinds });
  await cache.start(signal);
  const compaction = new Compaction(kv, clock, log);
  const writer = new Store({ kv, reader: cache, clock, ...(claimsOf ? { claimsOf } : {}) });
  return {
    reader: cache,
    writer,
    fenced: (fence) => writer.fenced(fence),
    caughtUp: (fence, caller) => caughtUp(cache, log, fence, caller),
    connected: () => cache.connected,
    close() {
      compaction.close();
      cache.close();
    },
  };
};
