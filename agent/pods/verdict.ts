/** When a pod fails as a whole for having been active too long. Pure. */
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';

export interface DeadlineVerdict {
  /** Undefined: never. */
  readonly atMs: number | undefined;
  readonly reason: string;
  readonly message: string;
}

/** @param startTime the pod's, as last reported; undefined for one that begins now */
export const deadlineVerdict = (pod: Pod, startTime: string | undefined, nowMs: number): DeadlineVerdict => {
  const begunMs = parseTimestamp(startTime);
  const startMs = Number.isNaN(begunMs) ? nowMs : begunMs;
  const seconds = pod.spec?.activeDeadlineSeconds;
  return {
    atMs: seconds === undefined ? undefined : startMs + seconds * 1000,
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  };
};
