/** A Deployment's status, from those of its ReplicaSets. Pure. */
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { availableVerdict, type Conditions, judgeProgress, withCondition, withoutCondition } from './deployment-conditions.ts';
import { replicasOf, sum } from './replica-counts.ts';
import { margins, wantedReplicas } from './surge.ts';

const replicaFailure = (sets: readonly ReplicaSet[], conditions: Conditions, nowMs: number): Conditions => {
  const failure = sets.map((set) => conditionOf(set.status, 'ReplicaFailure')).find((condition) => condition?.status === 'True');
  if (failure === undefined) return withoutCondition(conditions, 'ReplicaFailure');
  const { reason = '', message = '' } = failure;
  return withCondition(conditions, { type: 'ReplicaFailure', status: 'True', reason, message }, nowMs);
};

const nonZero = (counts: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));

/**
 * @param oldSets all but the new one, the idle ones too
 * @param conditions the present ones, or what a step of this pass has made of them
 */
export const deploymentStatus = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
  conditions: Conditions,
  nowMs: number,
): DeploymentStatus => {
  const sets = newSet ? [...oldSets, newSet] : oldSets;
  const replicas = sum(sets, (set) => set.status?.replicas ?? 0);
  const availableReplicas = sum(sets, (set) => set.status?.availableReplicas ?? 0);
  const counts: DeploymentStatus = nonZero({
    observedGeneration: deployment.metadata.generation ?? 0,
    replicas,
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(sets, replicasOf) - availableReplicas),
    collisionCount: deployment.status?.collisionCount ?? 0,
  });
  const enough = availableReplicas >= wantedReplicas(deployment) - margins(deployment).unavailable;
  let judged = withCondition(conditions, availableVerdict(enough), nowMs);
  judged = judgeProgress(deployment, newSet, counts, judged, nowMs);
  judged = replicaFailure(sets, judged, nowMs);
  return { ...counts, ...(judged.length > 0 ? { conditions: [...judged] } : {}) };
};
