/**
 * When an exited container runs again. Everything is derived from what the runtime still knows of the last two
 * runs, so that an agent that was killed goes on with the same delays.
 *
 *     run 0 ends ──at once──► run 1 ends ──10 s──► run 2 ends ──20 s──► … ──300 s──► …
 *     a run of 10 minutes or more starts the row again
 */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { PodSpec } from '../../proto/resources/kubernetes.ts';
import { restartBackOffForgottenMs, restartBackOffMaxMs, restartBackOffMinMs } from '../limits.ts';

export interface ExitedRun {
  readonly attempt: number;
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

const crashes = { initialMs: restartBackOffMinMs, maxMs: restartBackOffMaxMs };

/**
 * How long an exited run keeps its container waiting, in milliseconds. The delay before this run tells the next
 * one; where the run before is not known any more, the attempt does.
 */
export const restartDelayMs = (exited: ExitedRun, previous?: ExitedRun): number => {
  const ranMs = exited.startedAtMs > 0 ? exited.finishedAtMs - exited.startedAtMs : 0;
  if (exited.attempt === 0 || ranMs >= restartBackOffForgottenMs) return 0;
  if (previous === undefined) return backoffMs(exited.attempt, crashes);
  const servedMs = exited.createdAtMs - previous.finishedAtMs;
  // Longer than any delay: the agent was away in between, so the gap says nothing.
  if (servedMs < restartBackOffMinMs || servedMs >= restartBackOffForgottenMs) return restartBackOffMinMs;
  const doublings = Math.floor(Math.log2(servedMs / restartBackOffMinMs));
  return backoffMs(doublings + 2, crashes);
};

export const restartPolicyOf = (spec: PodSpec | undefined): string => spec?.restartPolicy ?? 'Always';

/** Whether a main or init container that exited so runs again. Sidecars always do. */
export const restartsAfter = (policy: string, exitCode: number): boolean =>
  policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
