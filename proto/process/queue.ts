/**
 * A work queue of keys, after client-go's: what is to be done is a set, not a list.
 *
 *     add(key) ──► dirty ──► processing ──► done
 *                    ▲            │
 *                    └── added while processing, or failed (after a backoff)
 *
 * Invariants
 * - A key is worked on by at most one worker at a time.
 * - A key added while it is worked on is worked on once more afterwards, so that nothing that changed is overlooked.
 * - A key added many times before a worker takes it is worked on once.
 */
import { KeyedBackoff, type BackoffOptions } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

export interface QueueOptions {
  readonly clock: Clock;
  readonly workersMax: number;
  readonly backoff: BackoffOptions;
  /** Works on one key; a rejection brings the key back after a backoff. */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** Told of each rejection, with the delay until the next attempt. */
  readonly onFailure: (key: string, error: unknown, retryAfterMs: number) => void;
}

interface Delayed {
  readonly dueMs: number;
  readonly timer: Timer;
}

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #backoff: KeyedBackoff<string>;
  readonly #signal: AbortSignal;
  /** A Set keeps the order of insertion, so the queue is fair. */
  readonly #dirty = new Set<string>();
  readonly #processing = new Set<string>();
  readonly #delayed = new Map<string, Delayed>();
  #pumping = false;
  #idle: (() => void)[] = [];

  /** Runs until `signal` aborts; what is being worked on then sees the same signal. */
  constructor(options: QueueOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#backoff = new KeyedBackoff(options.backoff);
    signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  add(key: string): void {
    if (this.#signal.aborted) return;
    this.#dirty.add(key);
    this.#pumpSoon();
  }

  /** Adds the key after `delayMs`; of several delays for one key the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#signal.aborted) return;
    const { clock } = this.#options;
    const dueMs = clock.monotonicMs() + delayMs;
    const pending = this.#delayed.get(key);
    if (pending !== undefined) {
      if (pending.dueMs <= dueMs) return;
      pending.timer.cancel();
    }
    const timer = clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, timer });
  }

  /** Keys that wait for a worker or have one; delayed ones do not count. */
  get size(): number {
    return this.#dirty.size + this.#processing.size;
  }

  /** Resolves when no key waits and none is worked on (delayed ones may remain). */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Changes come in batches; the pump runs once after the batch, not once for each. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  #pump(): void {
    for (const key of this.#dirty) {
      if (this.#signal.aborted || this.#processing.size >= this.#options.workersMax) return;
      if (this.#processing.has(key)) continue;
      this.#dirty.delete(key);
      this.#processing.add(key);
      void this.#process(key);
    }
  }

  async #process(key: string): Promise<void> {
    try {
      await this.#options.work(key, this.#signal);
      this.#backoff.forget(key);
    } catch (error) {
      if (!this.#signal.aborted) {
        const retryAfterMs = this.#backoff.fail(key);
        this.#options.onFailure(key, error, retryAfterMs);
        this.addAfter(key, retryAfterMs);
      }
    } finally {
      this.#processing.delete(key);
      if (this.#dirty.size > 0) this.#pumpSoon();
      else if (this.#processing.size === 0) this.#wakeIdle();
    }
  }

  #stop(): void {
    for (const { timer } of this.#delayed.values()) timer.cancel();
    this.#delayed.clear();
    this.#dirty.clear();
    if (this.#processing.size === 0) this.#wakeIdle();
  }

  #wakeIdle(): void {
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
