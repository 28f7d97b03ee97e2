/** Counts outcomes in a row until there are enough of them to change a probe's verdict. Pure. */
import type { Probe } from '../../proto/resources/kubernetes.ts';

export interface Count {
  readonly ok: boolean;
  /** How many outcomes in a row were `ok`. */
  readonly inARow: number;
  /** What the pod goes by; undefined until enough outcomes agree. */
  readonly verdict: boolean | undefined;
}

export const startCount = (verdict: boolean | undefined): Count => ({ ok: true, inARow: 0, verdict });

export const countOutcome = (count: Count, ok: boolean, probe: Pick<Probe, 'successThreshold' | 'failureThreshold'>): Count => {
  const inARow = count.ok === ok ? count.inARow + 1 : 1;
  const threshold = ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { ok, inARow, verdict: inARow >= threshold ? ok : count.verdict };
};
