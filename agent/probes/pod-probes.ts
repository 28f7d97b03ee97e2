/**
 * All probes of one pod. The worker says which runs there are; probers come and go with them. A startup probe gates
 * the other two.
 */
import type { Clock } from '../../proto/process/clock.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Container, Probe } from '../../proto/resources/kubernetes.ts';
import type { Outcome } from './check.ts';
import { Prober } from './prober.ts';
import type { ProbeKind } from './prober.ts';

export interface ProbedRun {
  readonly container: Container;
  readonly containerId: string;
  readonly host: string;
  readonly startedAtMs: number;
  /** Startup probe and postStart hook are through. */
  readonly started: boolean;
  readonly ready: boolean;
  readonly takenOver: boolean;
  /** The pod is going: only readiness is still looked at. */
  readonly ending: boolean;
}

export interface ProbeResult {
  readonly kind: ProbeKind;
  readonly container: Container;
  readonly containerId: string;
  readonly ok: boolean;
  readonly message: string;
}

export interface PodProbesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly check: (probe: Probe, run: ProbedRun, signal: AbortSignal) => Promise<Outcome>;
  readonly onVerdict: (result: ProbeResult) => void;
  /** One failed attempt. */
  readonly onFailure: (result: ProbeResult) => void;
}

export const probeOf = (container: Container, kind: ProbeKind): Probe | undefined =>
  ({ startup: container.startupProbe, liveness: container.livenessProbe, readiness: container.readinessProbe })[kind];

const wantedKinds = (run: ProbedRun): readonly ProbeKind[] => {
  if (run.ending) return run.started ? ['readiness'] : [];
  return run.started ? ['liveness', 'readiness'] : ['startup'];
};

export class PodProbes {
  readonly #options: PodProbesOptions;
  readonly #probers = new Map<string, Prober>();

  constructor(options: PodProbesOptions) {
    this.#options = options;
  }

  /** Starts the probers that are missing and stops those that nothing needs. */
  sync(runs: readonly ProbedRun[]): void {
    const wanted = new Set<string>();
    for (const run of runs) {
      for (const kind of wantedKinds(run)) {
        const probe = probeOf(run.container, kind);
        if (probe === undefined) continue;
        const key = `${run.containerId}/${kind}`;
        wanted.add(key);
        if (!this.#probers.has(key)) this.#probers.set(key, this.#start(kind, probe, run));
      }
    }
    for (const [key, prober] of this.#probers) {
      if (wanted.has(key)) continue;
      prober.stop();
      this.#probers.delete(key);
    }
  }

  close(): void {
    this.sync([]);
  }

  #start(kind: ProbeKind, probe: Probe, run: ProbedRun): Prober {
    const { clock, random, check, onVerdict, onFailure } = this.#options;
    const result = (ok: boolean, message: string): ProbeResult => ({ kind, container: run.container, containerId: run.containerId, ok, message });
    return new Prober({
      kind,
      probe,
      clock,
      random,
      startedAtMs: run.startedAtMs,
      takenOver: run.takenOver,
      verdict: kind === 'liveness' ? true : kind === 'readiness' ? run.ready : false,
      check: (signal) => check(probe, run, signal),
      onVerdict: (ok, message) => onVerdict(result(ok, message)),
      onFailure: (message) => onFailure(result(false, message)),
    });
  }
}
