/**
 * Whether this process stood still (SIGSTOP, a frozen machine): then others have gone on without it, and what waits in its sockets is
 * of the past. Told by the monotonic clock, at every tick, and before anything is believed that came from outside, since what
 * waited is read before timers run.
 */
import type { Clock, Timer } from '../proto/process/clock.ts';
import { standstillMsMin, stillnessCheckMs } from './limits.ts';

export class Stillness {
  readonly #clock: Clock;
  readonly #subscribers = new Set<(stillMs: number) => void>();
  readonly #tick: Timer;
  #lookedMs: number;
  #times = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedMs = clock.monotonicMs();
    this.#tick = clock.every(stillnessCheckMs, () => void this.look());
  }

  /** How often it stood still up to now: what began at another count is of the past. */
  look(): number {
    const nowMs = this.#clock.monotonicMs();
    const stillMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (stillMs > standstillMsMin) {
      this.#times += 1;
      for (const onStoodStill of this.#subscribers) onStoodStill(stillMs);
    }
    return this.#times;
  }

  subscribe(onStoodStill: (stillMs: number) => void): { close(): void } {
    this.#subscribers.add(onStoodStill);
    return { close: () => void this.#subscribers.delete(onStoodStill) };
  }

  close(): void {
    this.#tick.cancel();
    this.#subscribers.clear();
  }
}
