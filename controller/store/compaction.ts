/**
 * Keeps etcd's history short: each period it forgets what was before the revision seen one period ago. Every
 * controller does so; the later call finds nothing to do, and nobody's watch is closer than a period to the edge.
 */
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { compactionPeriodMs } from '../limits.ts';
import { type Kv, KvUnavailable } from './kv.ts';

export class Compaction {
  readonly #kv: Kv;
  readonly #log: Log;
  readonly #timer: Timer;
  #seenRevision: number | undefined;

  constructor(kv: Kv, clock: Clock, log: Log, periodMs = compactionPeriodMs) {
    this.#kv = kv;
    this.#log = log;
    this.#timer = clock.every(periodMs, () => void this.compact());
  }

  /** One round; the timer calls it. */
  async compact(): Promise<void> {
    const before = this.#seenRevision;
    try {
      const revision = await this.#kv.revision();
      if (before !== undefined && before < revision) await this.#kv.compact(before);
      this.#seenRevision = revision;
    } catch (error) {
      if (!(error instanceof KvUnavailable)) throw error;
      this.#log.debug('no compaction this time: etcd is away');
    }
  }

  close(): void {
    this.#timer.cancel();
  }
}
