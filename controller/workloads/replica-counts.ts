/** Sums over a Deployment's ReplicaSets. Pure. */
import type { ReplicaSet } from '../../proto/resources/kubernetes.ts';

export const replicasOf = (set: ReplicaSet): number => set.spec?.replicas ?? 0;

/**
 * Never more than the set still wants: its status may date from before it was scaled down, and a pod that is about
 * to be deleted must not be counted on.
 */
export const availableOf = (set: ReplicaSet): number => Math.min(set.status?.availableReplicas ?? 0, replicasOf(set));

export const sum = (sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number =>
  sets.reduce((total, set) => total + count(set), 0);

export const activeSets = (sets: readonly ReplicaSet[]): ReplicaSet[] => sets.filter((set) => replicasOf(set) > 0);

/** A new size for one ReplicaSet. */
export interface Scaling {
  readonly set: ReplicaSet;
  readonly replicas: number;
}
