/** One step of a Recreate: first all old pods go, then the new ones come. Pure. */
import type { Deployment, Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { activeSets, replicasOf, type Scaling, sum } from './replica-counts.ts';
import { wantedReplicas } from './surge.ts';

export const stopOld = (oldSets: readonly ReplicaSet[]): Scaling[] => activeSets(oldSets).map((set) => ({ set, replicas: 0 }));

/** Pods of old ReplicaSets may still run something: also those being deleted, until their node says that they stopped. */
export const oldPodsRun = (oldSets: readonly ReplicaSet[], oldPods: readonly Pod[]): boolean =>
  sum(oldSets, (set) => set.status?.replicas ?? 0) > 0 || oldPods.some((pod) => !isTerminal(pod));

export const startNew = (deployment: Deployment, newSet: ReplicaSet): Scaling[] => {
  const replicas = wantedReplicas(deployment);
  return replicasOf(newSet) === replicas ? [] : [{ set: newSet, replicas }];
};
