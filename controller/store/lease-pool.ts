/**
 * Leases for objects with a time to live. Objects that are created close together share one, since etcd pays for
 * each lease; a shared one lasts a little longer, so that nothing goes before its time.
 */
import type { Clock } from '../../proto/process/clock.ts';
import { leaseKeysMax, leaseShareSecondsMax } from '../limits.ts';
import type { Kv } from './kv.ts';

interface SharedLease {
  readonly id: Promise<string>;
  readonly joinUntilMs: number;
  keys: number;
}

export class LeasePool {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #byTtl = new Map<number, SharedLease>();

  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /** A lease that holds a key written now for at least `ttlSeconds`, and at most a twelfth longer. Throws KvUnavailable. */
  async leaseFor(ttlSeconds: number): Promise<string> {
    const nowMs = this.#clock.monotonicMs();
    const present = this.#byTtl.get(ttlSeconds);
    if (present && nowMs < present.joinUntilMs && present.keys < leaseKeysMax) {
      present.keys += 1;
      return present.id;
    }
    const shareSeconds = Math.min(leaseShareSecondsMax, ttlSeconds / 12);
    const id = this.#kv.grantLease(Math.ceil(ttlSeconds + shareSeconds));
    const lease = { id, joinUntilMs: nowMs + shareSeconds * 1_000, keys: 1 };
    this.#byTtl.set(ttlSeconds, lease);
    try {
      return await id;
    } catch (error) {
      if (this.#byTtl.get(ttlSeconds) === lease) this.#byTtl.delete(ttlSeconds);
      throw error;
    }
  }

  /** The leases that are known are gone (etcd was restored, or somebody revoked them): the next key gets a new one. */
  forget(): void {
    this.#byTtl.clear();
  }
}
