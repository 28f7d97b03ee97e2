/**
 * Which of a ReplicaSet's pods go first when there are too many: those that are missed least (the order of
 * Kubernetes' ActivePodsWithRanks). Each rule decides only where all before it see no difference.
 */
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import { isPodReady, isSidecar } from '../../proto/resources/pod.ts';

export const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Ranked {
  readonly pod: Pod;
  /** Pods of the same owner on the same node. */
  readonly neighbours: number;
  readonly readySinceMs: number;
  readonly createdMs: number;
  readonly nowMs: number;
}

type Rule = (a: Ranked, b: Ranked) => number;

const restarts = (pod: Pod): { regular: number; sidecar: number } => {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map((container) => container.name));
  const most = (statuses: readonly { restartCount: number }[]): number =>
    statuses.reduce((max, status) => Math.max(max, status.restartCount), 0);
  return {
    regular: most(pod.status?.containerStatuses ?? []),
    sidecar: most((pod.status?.initContainerStatuses ?? []).filter((status) => sidecars.has(status.name))),
  };
};

const deletionCost = (pod: Pod): number => {
  const text = pod.metadata.annotations?.[deletionCostAnnotation];
  return text !== undefined && /^(0|[+-]?[1-9][0-9]*)$/.test(text) ? Number(text) : 0;
};

const byUid: Rule = (a, b) => ((a.pod.metadata.uid ?? '') < (b.pod.metadata.uid ?? '') ? -1 : 1);

/**
 * Younger first, but ages within the same power of two are alike and the uid decides: so a rollout's oldest pods do
 * not always survive, and fate is spread over failure domains (Kubernetes' LogarithmicScaleDown).
 */
const youngerFirst = (aMs: number, bMs: number, a: Ranked, b: Ranked): number => {
  const known = Number(Number.isFinite(aMs)) - Number(Number.isFinite(bMs));
  if (known !== 0 || aMs === bMs || !Number.isFinite(aMs)) return known;
  const bucket = (sinceMs: number): number => {
    const ageMs = a.nowMs - sinceMs;
    return ageMs <= 0 ? -1 : Math.floor(Math.log2(ageMs * 1e6));
  };
  return bucket(aMs) - bucket(bMs) || byUid(a, b);
};

const rules: readonly Rule[] = [
  (a, b) => Number(Boolean(a.pod.spec?.nodeName)) - Number(Boolean(b.pod.spec?.nodeName)),
  (a, b) => (phaseOrder[a.pod.status?.phase ?? 'Unknown'] ?? 1) - (phaseOrder[b.pod.status?.phase ?? 'Unknown'] ?? 1),
  (a, b) => Number(isPodReady(a.pod)) - Number(isPodReady(b.pod)),
  (a, b) => deletionCost(a.pod) - deletionCost(b.pod),
  (a, b) => b.neighbours - a.neighbours,
  (a, b) => (isPodReady(a.pod) && isPodReady(b.pod) ? youngerFirst(a.readySinceMs, b.readySinceMs, a, b) : 0),
  (a, b) => restarts(b.pod).regular - restarts(a.pod).regular,
  (a, b) => restarts(b.pod).sidecar - restarts(a.pod).sidecar,
  (a, b) => youngerFirst(a.createdMs, b.createdMs, a, b),
  byUid,
];

/** `pods` with those to delete first in front. `related` are all active pods of the same owner's family, for crowding on nodes. */
export const deletionOrder = (pods: readonly Pod[], related: readonly Pod[], nowMs: number): Pod[] => {
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (node) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const ranked = pods.map(
    (pod): Ranked => ({
      pod,
      neighbours: onNode.get(pod.spec?.nodeName ?? '') ?? 0,
      readySinceMs: parseTimestamp(conditionOf(pod.status, 'Ready')?.lastTransitionTime),
      createdMs: parseTimestamp(pod.metadata.creationTimestamp),
      nowMs,
    }),
  );
  const compare = (a: Ranked, b: Ranked): number => {
    for (const rule of rules) {
      const order = rule(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
  return ranked.toSorted(compare).map(({ pod }) => pod);
};
