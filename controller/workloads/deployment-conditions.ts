/** A Deployment's conditions, in Kubernetes' words. Pure. */
import { parseTimestamp, timestamp } from '../../proto/process/clock.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { wantedReplicas } from './surge.ts';

export type Conditions = readonly DeploymentCondition[];

export interface Verdict {
  readonly type: 'Available' | 'Progressing' | 'ReplicaFailure';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

/**
 * The conditions with the verdict in place of the one of its type. The same status and reason leave it as it was,
 * unless `renew` says that progress has been made and the deadline starts anew.
 */
export const withCondition = (conditions: Conditions, verdict: Verdict, nowMs: number, renew = false): Conditions => {
  const known = conditions.find(({ type }) => type === verdict.type);
  if (known && !renew && known.status === verdict.status && known.reason === verdict.reason) return conditions;
  const now = timestamp(nowMs);
  const lastTransitionTime = known?.status === verdict.status ? (known.lastTransitionTime ?? now) : now;
  const next: DeploymentCondition = { ...verdict, lastUpdateTime: now, lastTransitionTime };
  return known ? conditions.map((condition) => (condition === known ? next : condition)) : [...conditions, next];
};

export const withoutCondition = (conditions: Conditions, type: Verdict['type']): Conditions =>
  conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions;

export const availableVerdict = (available: boolean): Verdict => ({
  type: 'Available',
  status: available ? 'True' : 'False',
  reason: available ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
  message: `Deployment ${available ? 'has' : 'does not have'} minimum availability.`,
});

export const progressing = (status: Verdict['status'], reason: string, message: string): Verdict => ({
  type: 'Progressing',
  status,
  reason,
  message,
});

export const isComplete = (deployment: Deployment, status: DeploymentStatus): boolean => {
  const wanted = wantedReplicas(deployment);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
};

const hasProgressed = (before: DeploymentStatus, after: DeploymentStatus): boolean => {
  const old = (status: DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
};

/** When progress is overdue, in milliseconds since the epoch; undefined when no deadline runs. */
export const progressDueMs = (deployment: Deployment, conditions: Conditions): number | undefined => {
  const deadline = deployment.spec?.progressDeadlineSeconds;
  const known = conditionOf({ conditions }, 'Progressing');
  if (deadline === undefined || deadline === null || deployment.spec?.paused || known === undefined) return undefined;
  if (known.reason === 'NewReplicaSetAvailable' || known.reason === 'ProgressDeadlineExceeded') return undefined;
  const sinceMs = parseTimestamp(known.lastUpdateTime);
  return Number.isFinite(sinceMs) ? sinceMs + deadline * 1000 : undefined;
};

/** Judges the rollout: done, moving, or stuck for longer than progressDeadlineSeconds. */
export const judgeProgress = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  after: DeploymentStatus,
  conditions: Conditions,
  nowMs: number,
): Conditions => {
  if (deployment.spec?.progressDeadlineSeconds === undefined || deployment.spec.progressDeadlineSeconds === null) {
    return withoutCondition(conditions, 'Progressing');
  }
  if (deployment.spec.paused) return conditions;
  const known = conditionOf({ conditions }, 'Progressing');
  // A finished rollout stays finished when pods come and go afterwards.
  if (known?.reason === 'NewReplicaSetAvailable' && (after.replicas ?? 0) === (after.updatedReplicas ?? 0)) return conditions;
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
  if (isComplete(deployment, after)) {
    return withCondition(conditions, progressing('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`), nowMs);
  }
  if (hasProgressed(deployment.status ?? {}, after)) {
    return withCondition(conditions, progressing('True', 'ReplicaSetUpdated', `${subject} is progressing.`), nowMs, true);
  }
  const dueMs = progressDueMs(deployment, conditions);
  if (dueMs !== undefined && nowMs > dueMs) {
    return withCondition(conditions, progressing('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`), nowMs);
  }
  return conditions;
};
