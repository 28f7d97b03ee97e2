/** What a PodDisruptionBudget says about one more eviction. Pure; the numbers in its status come from `workloads/disruption.ts`. */
import { ApiError, forbidden } from '../../proto/errors.ts';
import { podDisruptionBudgetKind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import { setCondition } from '../../proto/resources/conditions.ts';
import type { Pod, PodDisruptionBudget } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { isPodReady, isTerminal } from '../../proto/resources/pod.ts';
import { disruptedPodsMax, evictionRetryAfterSeconds } from '../limits.ts';

export type BudgetStatus = NonNullable<PodDisruptionBudget['status']>;

/** The status with the condition that follows from its numbers, or from the failure to find them. */
export const withAllowance = (status: BudgetStatus, nowMs: number, failure?: string): BudgetStatus => {
  const allows = failure === undefined && status.disruptionsAllowed > 0;
  const condition = {
    type: 'DisruptionAllowed',
    status: allows ? 'True' : 'False',
    reason: failure !== undefined ? 'SyncFailed' : allows ? 'SufficientPods' : 'InsufficientPods',
    message: failure ?? '',
    ...(status.observedGeneration ? { observedGeneration: status.observedGeneration } : {}),
  };
  // Times are texts here, as they are on the wire.
  return { ...status, conditions: setCondition(status.conditions as never, condition, nowMs) as never };
};

/** The answer to an eviction that has to wait: clients come again. */
export const budgetRefusal = (message: string): ApiError =>
  new ApiError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message }],
    retryAfterSeconds: evictionRetryAfterSeconds,
  });

export const stillProcessed = (budget: string): ApiError =>
  budgetRefusal(`The disruption budget ${budget} is still being processed by the server.`);

/** Whether the pod serves nobody, or is leaving as it is: its eviction disrupts nothing. */
export const isBeyondBudgets = (pod: Pod): boolean => isTerminal(pod) || pod.status?.phase === 'Pending' || isBeingDeleted(pod);

/** Whether a pod that is not ready may go without being counted. */
export const sparesUnready = ({ spec, status }: PodDisruptionBudget, pod: Pod): boolean => {
  if (isPodReady(pod)) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return status !== undefined && status.desiredHealthy > 0 && status.currentHealthy >= status.desiredHealthy;
};

/**
 * The budget with one disruption less, and the pod noted as on its way.
 *
 * @throws ApiError TooManyRequests, Forbidden
 */
export const spent = (budget: PodDisruptionBudget, podName: string, nowMs: number): PodDisruptionBudget => {
  const { metadata: { name = '', generation = 0 }, status } = budget;
  if (status === undefined || (status.observedGeneration ?? 0) < generation) throw stillProcessed(name);
  const { disruptionsAllowed, desiredHealthy, currentHealthy, disruptedPods = {} } = status;
  if (disruptionsAllowed < 0) throw forbidden(podDisruptionBudgetKind, name, 'pdb disruptions allowed is negative');
  if (Object.keys(disruptedPods).length >= disruptedPodsMax) {
    throw forbidden(podDisruptionBudgetKind, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (disruptionsAllowed === 0) {
    throw budgetRefusal(`The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`);
  }
  const next = { ...status, disruptionsAllowed: disruptionsAllowed - 1, disruptedPods: { ...disruptedPods, [podName]: timestamp(nowMs) as never } };
  return { ...budget, status: next.disruptionsAllowed === 0 ? withAllowance(next, nowMs) : next };
};
