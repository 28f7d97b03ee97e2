/**
 * One step of a rolling update: the new ReplicaSet grows as far as the surge allows; when it cannot, the old ones
 * shrink as far as availability allows. Pure.
 *
 * Invariants, whatever the pods do
 * - The sizes never sum up to more than spec.replicas + maxSurge because of a step.
 * - No step takes an available pod away when only spec.replicas - maxUnavailable are available.
 */
import type { Deployment, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { availableOf, replicasOf, type Scaling, sum } from './replica-counts.ts';
import { byAge } from './revision-history.ts';
import { isRolling, margins, wantedReplicas } from './surge.ts';

/** The size that the new ReplicaSet may have beside `sets` (all of them, the new one included if it exists). */
export const newSetReplicas = (deployment: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet | undefined): number => {
  const wanted = wantedReplicas(deployment);
  if (!isRolling(deployment)) return wanted;
  const present = newSet ? replicasOf(newSet) : 0;
  const room = wanted + margins(deployment).surge - sum(sets, replicasOf);
  return room <= 0 ? present : present + Math.min(room, wanted - present);
};

const growOrTrim = (deployment: Deployment, sets: readonly ReplicaSet[], newSet: ReplicaSet): Scaling | undefined => {
  const wanted = wantedReplicas(deployment);
  const present = replicasOf(newSet);
  if (present === wanted) return undefined;
  const replicas = present > wanted ? wanted : newSetReplicas(deployment, sets, newSet);
  return replicas === present ? undefined : { set: newSet, replicas };
};

/** Takes up to `most` pods from the sets, the oldest set first; `spare` tells how many one set of a size can give. */
const shrink = (
  sizes: Map<ReplicaSet, number>,
  most: number,
  spare: (set: ReplicaSet, size: number) => number,
): void => {
  let taken = 0;
  for (const [set, size] of sizes) {
    const take = Math.max(0, Math.min(spare(set, size), most - taken));
    sizes.set(set, size - take);
    taken += take;
  }
};

const shrinkOld = (deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Scaling[] => {
  const all = [...oldSets, newSet];
  const availableMin = wantedReplicas(deployment) - margins(deployment).unavailable;
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  const removable = sum(all, replicasOf) - availableMin - newUnavailable;
  if (removable <= 0) return [];
  const sizes = new Map(oldSets.toSorted(byAge).map((set) => [set, replicasOf(set)]));
  // What does not work anyway goes first: it costs no availability, and an update away from a broken template must not wait for it.
  shrink(sizes, removable, (set, size) => size - availableOf(set));
  shrink(sizes, sum(all, availableOf) - availableMin, (_set, size) => size);
  return [...sizes].filter(([set, size]) => size !== replicasOf(set)).map(([set, replicas]) => ({ set, replicas }));
};

export const rollingStep = (deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Scaling[] => {
  const grown = growOrTrim(deployment, [...oldSets, newSet], newSet);
  return grown ? [grown] : shrinkOld(deployment, newSet, oldSets);
};
