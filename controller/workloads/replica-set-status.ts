/** What a ReplicaSet says about its pods. Pure. */
import { parseTimestamp, timestamp } from '../../proto/process/clock.ts';
import { conditionOf, setCondition } from '../../proto/resources/conditions.ts';
import type { Pod, ReplicaSet, ReplicaSetStatus } from '../../proto/resources/kubernetes.ts';
import { isPodAvailable, isPodReady } from '../../proto/resources/pod.ts';
import { isActive } from './replica-set-plan.ts';

/** Why pods could not be created or deleted. */
export interface ReplicaFailure {
  readonly reason: 'FailedCreate' | 'FailedDelete';
  readonly message: string;
}

const carriesLabels = (pod: Pod, labels: Readonly<Record<string, string>>): boolean =>
  Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value);

const conditionsAfter = (set: ReplicaSet, failure: ReplicaFailure | undefined, nowMs: number): ReplicaSetStatus['conditions'] => {
  const present = set.status?.conditions ?? [];
  const others = present.filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others;
  const known = conditionOf(set.status, 'ReplicaFailure');
  // The first failure stays: a message that differs each time would be a write each time.
  if (known?.reason === failure.reason) return present;
  return setCondition(others, { type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime: timestamp(nowMs) }, nowMs);
};

/** @param pods the ReplicaSet's own */
export const replicaSetStatus = (
  set: ReplicaSet,
  pods: readonly Pod[],
  failure: ReplicaFailure | undefined,
  nowMs: number,
): ReplicaSetStatus => {
  const active = pods.filter(isActive);
  const labels = set.spec?.template?.metadata?.labels ?? {};
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  const count = (counts: (pod: Pod) => boolean): number => active.filter(counts).length;
  const fullyLabeledReplicas = count((pod) => carriesLabels(pod, labels));
  const readyReplicas = count(isPodReady);
  const availableReplicas = count((pod) => isPodAvailable(pod, minReadySeconds, nowMs));
  const conditions = conditionsAfter(set, failure, nowMs);
  return {
    replicas: active.length,
    ...(fullyLabeledReplicas ? { fullyLabeledReplicas } : {}),
    ...(readyReplicas ? { readyReplicas } : {}),
    ...(availableReplicas ? { availableReplicas } : {}),
    ...(set.metadata.generation ? { observedGeneration: set.metadata.generation } : {}),
    ...(conditions?.length ? { conditions } : {}),
  };
};

/** Milliseconds until the next ready pod becomes available; undefined when none will by time alone. */
export const nextAvailableMs = (set: ReplicaSet, pods: readonly Pod[], nowMs: number): number | undefined => {
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  if (minReadySeconds <= 0) return undefined;
  const waits = pods
    .filter((pod) => isActive(pod) && isPodReady(pod) && !isPodAvailable(pod, minReadySeconds, nowMs))
    .map((pod) => parseTimestamp(conditionOf(pod.status, 'Ready')?.lastTransitionTime) + minReadySeconds * 1000 - nowMs)
    .filter(Number.isFinite);
  return waits.length === 0 ? undefined : Math.min(...waits);
};
