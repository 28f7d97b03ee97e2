/** How much each speaker may say: a number at once, then one more each time a while has passed (token buckets). */

export interface AllowanceOptions {
  readonly burst: number;
  readonly refillMs: number;
  readonly speakersMax: number;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

export class Allowance {
  readonly #options: AllowanceOptions;
  /** In order of last use, so that the first is the one to forget. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: AllowanceOptions) {
    this.#options = options;
  }

  /** Whether the speaker may speak now; if so, that counts. */
  take(speaker: string, nowMs: number): boolean {
    const { burst, refillMs, speakersMax } = this.#options;
    const bucket = this.#buckets.get(speaker) ?? { tokens: burst, filledMs: nowMs };
    this.#buckets.delete(speaker);
    const refills = Math.floor((nowMs - bucket.filledMs) / refillMs);
    if (refills > 0) {
      bucket.tokens = Math.min(burst, bucket.tokens + refills);
      bucket.filledMs += refills * refillMs;
    }
    const allowed = bucket.tokens > 0;
    if (allowed) bucket.tokens -= 1;
    this.#buckets.set(speaker, bucket);
    if (this.#buckets.size > speakersMax) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest);
        break;
      }
    }
    return allowed;
  }
}
