/**
 * A Deployment scaled in the middle of a rollout: the difference is shared among its ReplicaSets by their sizes, so
 * that the proportion of old to new, and with it the risk, stays as it was. Pure; the arithmetic is Kubernetes'.
 */
import type { Deployment, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { activeSets, availableOf, replicasOf, type Scaling, sum } from './replica-counts.ts';
import { byAge, desiredReplicasAnnotation, maxReplicasAnnotation } from './revision-history.ts';
import { isRolling, margins, wantedReplicas } from './surge.ts';

const annotatedNumber = (set: ReplicaSet, annotation: string): number | undefined => {
  const text = set.metadata.annotations?.[annotation];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
};

/** Whether spec.replicas changed since the ReplicaSets were last sized: they remember what it was. */
export const isScalingEvent = (deployment: Deployment, sets: readonly ReplicaSet[]): boolean =>
  activeSets(sets).some((set) => {
    const desired = annotatedNumber(set, desiredReplicasAnnotation);
    return desired !== undefined && desired !== wantedReplicas(deployment);
  });

/** The set's share of the change, before it is cut to what is left to give. */
const share = (deployment: Deployment, set: ReplicaSet): number => {
  const wanted = wantedReplicas(deployment);
  if (wanted === 0) return -replicasOf(set);
  const maxBefore = annotatedNumber(set, maxReplicasAnnotation) || deployment.status?.replicas || replicasOf(set);
  const max = wanted + margins(deployment).surge;
  return Math.round((replicasOf(set) * max) / maxBefore) - replicasOf(set);
};

const bySize = (growing: boolean) => (a: ReplicaSet, b: ReplicaSet): number =>
  replicasOf(b) - replicasOf(a) || (growing ? byAge(b, a) : byAge(a, b));

const spread = (deployment: Deployment, active: readonly ReplicaSet[]): Scaling[] => {
  const wanted = wantedReplicas(deployment);
  const allowed = wanted > 0 ? wanted + margins(deployment).surge : 0;
  const toAdd = allowed - sum(active, replicasOf);
  const ordered = active.toSorted(bySize(toAdd > 0));
  let added = 0;
  const scalings = ordered.map((set): Scaling => {
    const left = toAdd - added;
    const part = left === 0 ? 0 : toAdd > 0 ? Math.min(share(deployment, set), left) : Math.max(share(deployment, set), left);
    added += part;
    return { set, replicas: replicasOf(set) + part };
  });
  // What rounding left over goes to the largest.
  return scalings.map(({ set, replicas }, at) => ({ set, replicas: at === 0 ? Math.max(0, replicas + toAdd - added) : replicas }));
};

/** All sizes to write after a change of spec.replicas: also unchanged ones, for they have to learn the new total. */
export const scaleProportionally = (
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Scaling[] => {
  const wanted = wantedReplicas(deployment);
  const active = activeSets([...oldSets, ...(newSet ? [newSet] : [])]);
  if (active.length <= 1) {
    const only = active[0] ?? newSet ?? oldSets.toSorted(byAge).at(-1);
    return only ? [{ set: only, replicas: wanted }] : [];
  }
  const saturated = newSet !== undefined && replicasOf(newSet) === wanted && availableOf(newSet) === wanted
    && Number(newSet.metadata.annotations?.[desiredReplicasAnnotation]) === wanted;
  if (saturated) return activeSets(oldSets).map((set) => ({ set, replicas: 0 }));
  // Recreate stops the old ones by itself; here they only learn the new total.
  return isRolling(deployment) ? spread(deployment, active) : active.map((set) => ({ set, replicas: replicasOf(set) }));
};
