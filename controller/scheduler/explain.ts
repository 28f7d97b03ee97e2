/** Why a pod has no node, in Kubernetes' words, or why it has the one it has; one line each. Pure. */

/** How many nodes objected for each reason. */
export type ReasonCounts = ReadonlyMap<string, number>;

const reasonsText = (reasons: ReasonCounts): string => [...reasons].map(([reason, count]) => `${count} ${reason}`).toSorted().join(', ');

/** Such as `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export const explain = (nodes: number, reasons: ReasonCounts): string => {
  if (nodes === 0) return 'no nodes available to schedule pods';
  return `0/${nodes} nodes are available: ${reasonsText(reasons)}.`;
};

/** Such as `best of 2 nodes that fit, by spread; 1 of 3 does not: 1 Insufficient cpu`; `leads` are the scores in which it is ahead of the next. */
export const explainChoice = (nodes: number, fitting: number, leads: readonly string[], reasons: ReasonCounts): string => {
  if (nodes === 1) return 'the only node';
  const choice = fitting === 1 ? 'the only node that fits' : `best of ${fitting} nodes that fit${leads.length > 0 ? `, by ${leads.join(', ')}` : ', which are alike'}`;
  return fitting === nodes ? choice : `${choice}; ${nodes - fitting} of ${nodes} ${nodes - fitting === 1 ? 'does' : 'do'} not: ${reasonsText(reasons)}`;
};
