/** Exponential backoff: a pure function, and a keeper of one failure count per key. */

export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** The delay after `failures` failures in a row (at least 1): `initialMs`, doubling each time, at most `maxMs`. */
export const backoffMs = (failures: number, { initialMs, maxMs }: BackoffOptions): number =>
  // 2 ** 1024 is Infinity, which the minimum takes care of.
  Math.min(initialMs * 2 ** (failures - 1), maxMs);

/** Counts failures per key. It holds only keys that have failed since they last succeeded. */
export class KeyedBackoff<K> {
  readonly #options: BackoffOptions;
  readonly #failures = new Map<K, number>();

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Counts one more failure of `key` and returns how long to wait before the next attempt, in milliseconds. */
  fail(key: K): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    return backoffMs(failures, this.#options);
  }

  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The key succeeded, or is of no interest any more. */
  forget(key: K): void {
    this.#failures.delete(key);
  }
}
