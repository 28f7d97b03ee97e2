/**
 * Tells a connection on which nothing happens from one whose other end stands still: a server that was stopped, or lost its power,
 * closes nothing.
 *
 *     nothing came for a while ──► is the server there? ──► yes: wait on
 *                                                      └──► no, and still nothing came: lost
 */
import type { Clock, Timer } from './process/clock.ts';

/** How long nothing may come before the server is asked. */
export const silenceMs = 10_000;
/** How long it may take to answer. */
export const answerTimeoutMs = 3_000;
/**
 * After so long it is lost whatever is answered: behind an address that several share, another one may have. A controller that
 * has nothing else to say sends a bookmark each minute.
 */
export const silenceMsMax = 90_000;

export interface SilenceOptions {
  readonly clock: Clock;
  /** Whether the server answers; false at the latest when the signal aborts. Never rejects. */
  readonly ask: (signal: AbortSignal) => Promise<boolean>;
  /** Called once, and nothing after it. */
  readonly onLost: () => void;
}

export class Silence {
  readonly #options: SilenceOptions;
  /** When something came last, and when that or an answer did. */
  #heardMs: number;
  #aliveMs: number;
  #timer: Timer | undefined;
  readonly #closed = new AbortController();

  /** Begins at once, and goes on until `close`. */
  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#heardMs = options.clock.monotonicMs();
    this.#aliveMs = this.#heardMs;
    this.#wait();
  }

  /** Something came. It only notes the time: no timer is set for it. */
  heard(): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    this.#aliveMs = this.#heardMs;
  }

  close(): void {
    this.#closed.abort();
    this.#timer?.cancel();
  }

  #wait(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(this.#aliveMs + silenceMs - clock.monotonicMs(), () => void this.#look());
  }

  async #look(): Promise<void> {
    const { clock, onLost } = this.#options;
    if (clock.monotonicMs() - this.#aliveMs >= silenceMs) {
      const heardMs = this.#heardMs;
      const answers = await this.#answers();
      if (this.#closed.signal.aborted) return;
      const isSilent = this.#heardMs === heardMs;
      if (isSilent && (!answers || clock.monotonicMs() - heardMs >= silenceMsMax)) {
        this.close();
        onLost();
        return;
      }
      if (isSilent) this.#aliveMs = clock.monotonicMs();
    }
    this.#wait();
  }

  async #answers(): Promise<boolean> {
    const late = new AbortController();
    const timer = this.#options.clock.after(answerTimeoutMs, () => late.abort());
    try {
      return await this.#options.ask(AbortSignal.any([late.signal, this.#closed.signal]));
    } finally {
      timer.cancel();
    }
  }
}
