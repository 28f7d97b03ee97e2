/**
 * One probe of one run of a container.
 *
 *     wait (initial delay, or a random part of a period when the run was taken over)
 *       └─► check ─► count ─► verdict changed? tell ─► wait a period ─► check …
 *
 * Right after the start, a readiness or startup probe over the network that fails is repeated sooner than its
 * period, as Kubernetes allows to make pods ready faster. Such a repeat counts only when it succeeds.
 */
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Probe } from '../../proto/resources/kubernetes.ts';
import { eagerProbeMinMs } from '../limits.ts';
import type { Outcome } from './check.ts';
import type { Count } from './thresholds.ts';
import { countOutcome, startCount } from './thresholds.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

export interface ProberOptions {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly clock: Clock;
  readonly random: Random;
  /** When the container's run began, for initialDelaySeconds. */
  readonly startedAtMs: number;
  /** The run was found by an agent that started after it: first checks are spread over a period. */
  readonly takenOver: boolean;
  /** What holds until the probe says otherwise. */
  readonly verdict: boolean;
  readonly check: (signal: AbortSignal) => Promise<Outcome>;
  readonly onVerdict: (ok: boolean, message: string) => void;
  /** Every failure that counts. */
  readonly onFailure: (message: string) => void;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #periodMs: number;
  readonly #stopping = new AbortController();
  #count: Count;
  #timer: Timer | undefined;
  #eagerMs: number;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#periodMs = (options.probe.periodSeconds ?? 10) * 1000;
    this.#count = startCount(options.verdict);
    const eager = options.kind !== 'liveness' && !options.probe.exec && !options.takenOver;
    this.#eagerMs = eager ? eagerProbeMinMs : this.#periodMs;
    const { clock, random, startedAtMs, takenOver, probe } = options;
    const jitterMs = takenOver && options.kind !== 'startup' ? random.next() * this.#periodMs : 0;
    const dueMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.nowMs();
    this.#wait(Math.max(dueMs, 0) + jitterMs);
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  #wait(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => void this.#attempt());
  }

  async #attempt(): Promise<void> {
    const { clock, check } = this.#options;
    const beganMs = clock.monotonicMs();
    const outcome = await check(this.#stopping.signal);
    if (this.#stopping.signal.aborted) return;
    const tookMs = clock.monotonicMs() - beganMs;
    if (outcome.isUnknown) {
      this.#wait(Math.max(this.#periodMs - tookMs, 0));
      return;
    }
    if (!outcome.ok && this.#count.verdict === false && this.#eagerMs < this.#periodMs) {
      this.#wait(this.#eagerMs);
      this.#eagerMs *= 2;
      return;
    }
    // Ready once: from now on only the period counts.
    this.#eagerMs = this.#periodMs;
    this.#settle(outcome);
    if (!this.#stopping.signal.aborted) this.#wait(Math.max(this.#periodMs - tookMs, 0));
  }

  #settle(outcome: Outcome): void {
    const before = this.#count;
    this.#count = countOutcome(before, outcome.ok, this.#options.probe);
    if (!outcome.ok) this.#options.onFailure(outcome.message);
    // A startup probe starts out as failing, so its failure is told when it is counted out, not when it flips.
    const countedOut = !outcome.ok && this.#count.inARow === (this.#options.probe.failureThreshold ?? 3);
    if (this.#count.verdict !== before.verdict || countedOut) this.#options.onVerdict(outcome.ok, outcome.message);
  }
}
