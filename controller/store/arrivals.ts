/** Who waits for the cache to reach a revision. */
import { ApiError } from '../../proto/errors.ts';
import type { Clock } from '../../proto/process/clock.ts';

interface Waiter {
  readonly revision: number;
  readonly arrived: () => void;
}

export class Arrivals {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Wakes everybody who waits for `revision` or less. */
  reached(revision: number): void {
    for (const waiter of this.#waiters) {
      if (waiter.revision > revision) continue;
      this.#waiters.delete(waiter);
      waiter.arrived();
    }
  }

  /** Throws ApiError Timeout after `timeoutMs`, the signal's reason when it aborts. */
  wait(revision: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return promise;
    }
    const waiter: Waiter = { revision, arrived: () => leave(resolve) };
    const onAbort = (): void => leave(() => reject(signal?.reason as Error));
    const timer = this.#clock.after(timeoutMs, () =>
      leave(() => reject(new ApiError('Timeout', `The server has not seen resource version ${revision} in time`, { retryAfterSeconds: 1 }))),
    );
    const leave = (settle: () => void): void => {
      this.#waiters.delete(waiter);
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      settle();
    };
    this.#waiters.add(waiter);
    signal?.addEventListener('abort', onAbort, { once: true });
    return promise;
  }
}
