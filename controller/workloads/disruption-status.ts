/** What a PodDisruptionBudget finds: how many pods there should be, how many are healthy, how many may go. Pure. */
import { parseTimestamp } from '../../proto/process/clock.ts';
import { percentOf } from '../../proto/resources/int-or-percent.ts';
import type { Pod, PodDisruptionBudget } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type BudgetStatus, withAllowance } from '../api/disruption-budget.ts';
import { disruptionTimeoutMs } from '../limits.ts';

type DisruptedPods = NonNullable<BudgetStatus['disruptedPods']>;

export interface Disruption {
  readonly status: BudgetStatus;
  /** Pods whose eviction was allowed long ago, and which are still there. */
  readonly overdue: readonly Pod[];
  /** When the next pod counts again if it does not go; undefined when none is on its way. */
  readonly recheckMs: number | undefined;
}

/** Whether the pods' controllers must be asked for how many they want: shares are of those, absolute minima of what there is. */
export const needsScale = ({ spec }: PodDisruptionBudget): boolean =>
  (spec?.maxUnavailable ?? undefined) !== undefined || percentOf(spec?.minAvailable) !== undefined;

/** Shares round up, of what must stay as of what may go. */
const resolve = (value: unknown, total: number): number => {
  const percent = percentOf(value);
  return percent === undefined ? Number(value) : Math.ceil((percent * total) / 100);
};

const wanted = ({ spec }: PodDisruptionBudget, expected: number): number => {
  if ((spec?.maxUnavailable ?? undefined) !== undefined) return Math.max(0, expected - resolve(spec?.maxUnavailable, expected));
  return (spec?.minAvailable ?? undefined) === undefined ? 0 : resolve(spec?.minAvailable, expected);
};

/**
 * @param pods those that the budget selects
 * @param expected how many of them there should be
 */
export const disruptionOf = (budget: PodDisruptionBudget, pods: readonly Pod[], expected: number, nowMs: number): Disruption => {
  const { generation } = budget.metadata;
  const before = budget.status;
  const disruptedPods: DisruptedPods = {};
  const overdue: Pod[] = [];
  let recheckMs: number | undefined;
  let currentHealthy = 0;
  for (const pod of pods) {
    if (isBeingDeleted(pod)) continue;
    const { name = '' } = pod.metadata;
    const noted = before?.disruptedPods?.[name];
    const dueMs = parseTimestamp(noted as unknown as string | undefined) + disruptionTimeoutMs;
    if (noted !== undefined && dueMs > nowMs) {
      disruptedPods[name] = noted;
      recheckMs = Math.min(recheckMs ?? dueMs, dueMs);
      continue;
    }
    if (noted !== undefined) overdue.push(pod);
    if (isPodReady(pod)) currentHealthy += 1;
  }
  const desiredHealthy = wanted(budget, expected);
  const status: BudgetStatus = {
    ...(before?.conditions ? { conditions: before.conditions } : {}),
    ...(generation ? { observedGeneration: generation } : {}),
    ...(Object.keys(disruptedPods).length > 0 ? { disruptedPods } : {}),
    disruptionsAllowed: expected > 0 ? Math.max(0, currentHealthy - desiredHealthy) : 0,
    currentHealthy,
    desiredHealthy,
    expectedPods: expected,
  };
  return { status: withAllowance(status, nowMs), overdue, recheckMs };
};

/** The status while the numbers cannot be found: nothing may go. */
export const failedStatus = ({ status }: PodDisruptionBudget, why: string, nowMs: number): BudgetStatus =>
  withAllowance({ currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, ...status, disruptionsAllowed: 0 }, nowMs, why);
