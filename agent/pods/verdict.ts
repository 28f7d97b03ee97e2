/** When a pod fails as a whole for having been active too long. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';

export interface DeadlineVerdict {
  /** Undefined: never. */
  readonly atMs: number | undefined;
  readonly reason: string;
  readonly message: string;
}

/** @param startMs the pod's startTime */
export const deadlineVerdict = (pod: Pod, startMs: number): DeadlineVerdict => {
  const seconds = pod.spec?.activeDeadlineSeconds;
  return {
    atMs: seconds === undefined ? undefined : startMs + seconds * 1000,
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  };
};
