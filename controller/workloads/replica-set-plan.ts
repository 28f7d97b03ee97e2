/** What a ReplicaSet lacks or has too much of. Pure. */
import type { Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerReference, isBeingDeleted } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { replicaSetBurstPods } from '../limits.ts';
import { deletionOrder } from './deletion-order.ts';

export interface ReplicaSetPlan {
  /** Number of pods to create. */
  readonly create: number;
  /** Pods to delete. */
  readonly remove: readonly Pod[];
}

/** Counts towards replicas: a pod that has ended or is being deleted does not, and so is replaced. */
export const isActive = (pod: Pod): boolean => !isTerminal(pod) && !isBeingDeleted(pod);

/**
 * @param pods the ReplicaSet's own
 * @param related own pods and those of the other ReplicaSets of the same Deployment
 */
export const planReplicaSet = (
  set: ReplicaSet,
  pods: readonly Pod[],
  related: readonly Pod[],
  nowMs: number,
): ReplicaSetPlan => {
  const nothing: ReplicaSetPlan = { create: 0, remove: [] };
  if (isBeingDeleted(set)) return nothing;
  const active = pods.filter(isActive);
  const missing = (set.spec?.replicas ?? 1) - active.length;
  if (missing > 0) return { create: Math.min(missing, replicaSetBurstPods), remove: [] };
  if (missing === 0) return nothing;
  const surplus = Math.min(-missing, replicaSetBurstPods);
  // When all go, their order is of no interest.
  const ordered = surplus === active.length ? active : deletionOrder(active, related.filter(isActive), nowMs);
  return { create: 0, remove: ordered.slice(0, surplus) };
};

/** A new pod of the ReplicaSet; the API gives it its name. */
export const podFromTemplate = (set: ReplicaSet): Pod => {
  const template = structuredClone(set.spec?.template ?? {});
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata.name}-`,
      ...(set.metadata.namespace ? { namespace: set.metadata.namespace } : {}),
      ...(labels ? { labels } : {}),
      ...(annotations ? { annotations } : {}),
      ...(finalizers ? { finalizers } : {}),
      ownerReferences: [controllerReference(set)],
    },
    ...(template.spec ? { spec: template.spec } : {}),
  };
};
