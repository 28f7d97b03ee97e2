/**
 * The seam to time. Nothing else in Berth reads the clock or sets a timer, so that tests and simulations can
 * own time.
 */

/** A pending timer; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start that never go back; for durations. */
  monotonicMs(): number;
  /** Runs `callback` once, after `delayMs`. A pending timer does not keep the process alive. */
  after(delayMs: number, callback: () => void): Timer;
  /** Runs `callback` every `periodMs`. A pending timer does not keep the process alive. */
  every(periodMs: number, callback: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Formats a time as Kubernetes does: RFC 3339, UTC, whole seconds. */
export const timestamp = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 19)}Z`;

/** Formats a time as Kubernetes' MicroTime: RFC 3339, UTC, microseconds. */
export const microTimestamp = (timeMs: number): string => `${new Date(timeMs).toISOString().slice(0, 23)}000Z`;

/** Milliseconds since the epoch of an RFC 3339 time; NaN when it is not one. */
export const parseTimestamp = (text: string | undefined): number => (text === undefined ? Number.NaN : Date.parse(text));

/** setTimeout holds its delay in 31 bits; longer delays would fire at once. */
const delayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const handle = setTimeout(callback, Math.min(Math.max(delayMs, 0), delayMsMax));
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, callback) {
    const handle = setInterval(callback, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(handle);
        reject(signal?.reason as Error);
      };
      // Not unref'ed: somebody awaits it.
      const handle = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, Math.min(Math.max(delayMs, 0), delayMsMax));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};
