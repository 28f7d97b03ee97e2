/** How far a rolling update may go above and below the wanted number of replicas. Pure. */
import type { Deployment } from '../../proto/resources/kubernetes.ts';

export interface Margins {
  /** Pods that may exist beyond spec.replicas. */
  readonly surge: number;
  /** Pods that may be missing from it. */
  readonly unavailable: number;
}

/** An absolute number, or a percentage of `total`. */
const resolve = (value: unknown, total: number, round: (fraction: number) => number): number => {
  if (typeof value === 'number') return value;
  const percent = /^(\d+)%$/.exec(String(value))?.[1];
  return percent === undefined ? 0 : round((Number(percent) * total) / 100);
};

export const wantedReplicas = (deployment: Deployment): number => deployment.spec?.replicas ?? 1;

export const isRolling = (deployment: Deployment): boolean => deployment.spec?.strategy?.type !== 'Recreate';

/**
 * Percentages of surge round up and those of unavailability round down; when both come out as 0 nothing could ever
 * move, so that one pod may then be unavailable. Recreate has no margins.
 */
export const margins = (deployment: Deployment): Margins => {
  const replicas = wantedReplicas(deployment);
  if (!isRolling(deployment) || replicas === 0) return { surge: 0, unavailable: 0 };
  const { maxSurge = '25%', maxUnavailable = '25%' } = deployment.spec?.strategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, replicas, Math.ceil);
  const unavailable = resolve(maxUnavailable, replicas, Math.floor);
  return { surge, unavailable: surge === 0 && unavailable === 0 ? 1 : Math.min(unavailable, replicas) };
};
