/** Why a pod has no node, as one line in Kubernetes' words. Pure. */

/** How many nodes objected for each reason. */
export type ReasonCounts = ReadonlyMap<string, number>;

/** Such as `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export const explain = (nodes: number, reasons: ReasonCounts): string => {
  if (nodes === 0) return 'no nodes available to schedule pods';
  const parts = [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted();
  return `0/${nodes} nodes are available: ${parts.join(', ')}.`;
};
