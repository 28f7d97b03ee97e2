/** What a node's state means for its conditions and taints. Pure. */
import { timestamp } from '../../proto/process/clock.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Node, NodeCondition, Taint } from '../../proto/resources/kubernetes.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';

/** What a node must keep telling; all of it is unknown when its node is gone. */
const reported = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

/** The conditions of a node that is not heard of, in Kubernetes' words; the present ones when they say so already. */
export const unknownConditions = (node: Node, nowMs: number): NodeCondition[] => {
  const present = node.status?.conditions ?? [];
  const now = timestamp(nowMs);
  const next = present.map((condition): NodeCondition =>
    !(reported as readonly string[]).includes(condition.type) || condition.status === 'Unknown'
      ? condition
      : {
          ...condition,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: now,
        },
  );
  for (const type of reported) {
    if (next.some((condition) => condition.type === type)) continue;
    next.push({
      type,
      status: 'Unknown',
      reason: 'NodeStatusNeverUpdated',
      message: 'Kubelet never posted node status.',
      lastHeartbeatTime: node.metadata.creationTimestamp ?? now,
      lastTransitionTime: now,
    });
  }
  return next.every((condition, at) => condition === present[at]) ? present : next;
};

/** Taints that follow from conditions: condition, the status that counts, the taint's key. */
const pressures = [
  ['MemoryPressure', 'node.kubernetes.io/memory-pressure'],
  ['DiskPressure', 'node.kubernetes.io/disk-pressure'],
  ['PIDPressure', 'node.kubernetes.io/pid-pressure'],
  ['NetworkUnavailable', 'node.kubernetes.io/network-unavailable'],
] as const;

const managedTaints: ReadonlySet<string> = new Set([
  notReadyTaint,
  unreachableTaint,
  'node.kubernetes.io/unschedulable',
  ...pressures.map(([, key]) => key),
]);

const wanted = (node: Node, alive: boolean, mayEvict: boolean): { key: string; effect: string }[] => {
  const taints: { key: string; effect: string }[] = [];
  const ready = conditionOf(node.status, 'Ready')?.status;
  const key = !alive || ready === 'Unknown' ? unreachableTaint : ready === 'True' ? undefined : notReadyTaint;
  if (key) taints.push({ key, effect: 'NoSchedule' });
  if (key && mayEvict) taints.push({ key, effect: 'NoExecute' });
  if (node.spec?.unschedulable) taints.push({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' });
  for (const [type, pressure] of pressures) {
    if (conditionOf(node.status, type)?.status === 'True') taints.push({ key: pressure, effect: 'NoSchedule' });
  }
  return taints;
};

/**
 * The taints that the node should have: people's own as they are, ours as its state demands. Undefined when they are so already.
 *
 * @param mayEvict whether a node that fails may lose its pods
 */
export const changedTaints = (node: Node, alive: boolean, mayEvict: boolean, nowMs: number): Taint[] | undefined => {
  const present = node.spec?.taints ?? [];
  const due = wanted(node, alive, mayEvict);
  const isDue = (taint: Taint): boolean => due.some(({ key, effect }) => taint.key === key && taint.effect === effect);
  const kept = present.filter((taint) => !managedTaints.has(taint.key) || isDue(taint));
  const missing = due.filter(({ key, effect }) => !present.some((taint) => taint.key === key && taint.effect === effect));
  if (missing.length === 0 && kept.length === present.length) return undefined;
  return [...kept, ...missing.map((taint): Taint => ({ ...taint, timeAdded: timestamp(nowMs) }))];
};
