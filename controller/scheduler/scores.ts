/**
 * Which of the nodes that fit is best. Every score is 0 to 100 and depends on one node alone, so that placing a pod
 * makes only its own node's scores stale. Pure.
 */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { preferredShare } from './node-affinity.ts';
import type { NodeView, PodFootprint } from './snapshot.ts';
import { isTolerated } from './tolerations.ts';

export interface Score {
  readonly name: string;
  readonly weight: number;
  value(pod: Pod, footprint: PodFootprint, view: NodeView): number;
}

/** What a pod without requests is taken to use, so that many of them do not pile up on one node: Kubernetes' figures. */
const assumedRequests: Readonly<Record<string, number>> = { cpu: 100, memory: 200 * 1024 * 1024 };
const scoredResources = ['cpu', 'memory'] as const;

/** Shares of cpu and memory that would be taken with the pod on the node, 0 to 1; what a node does not have is left out. */
const usedShares = (footprint: PodFootprint, { allocatable, requested }: NodeView): number[] => {
  const shares: number[] = [];
  for (const name of scoredResources) {
    const total = allocatable[name] ?? 0;
    if (total <= 0) continue;
    const own = footprint.requests[name] || assumedRequests[name] || 0;
    shares.push(Math.min(1, ((requested[name] ?? 0) + own) / total));
  }
  return shares;
};

const mean = (values: readonly number[]): number => (values.length === 0 ? 0 : values.reduce((a, b) => a + b, 0) / values.length);

const leastAllocated: Score = {
  name: 'least allocated',
  weight: 1,
  value: (_pod, footprint, view) => 100 * (1 - mean(usedShares(footprint, view))),
};

/** Cpu and memory used up evenly leave room for more kinds of pods. */
const balanced: Score = {
  name: 'balanced',
  weight: 1,
  value: (_pod, footprint, view) => {
    const shares = usedShares(footprint, view);
    const middle = mean(shares);
    return 100 * (1 - Math.sqrt(mean(shares.map((share) => (share - middle) ** 2))));
  },
};

const spread: Score = {
  name: 'spread',
  weight: 2,
  value: (_pod, { owner }, { owners, pods }) => 100 / (1 + (owner ? (owners.get(owner) ?? 0) : pods / 10)),
};

const preferredAffinity: Score = {
  name: 'preferred affinity',
  weight: 2,
  value: (pod, _footprint, { node }) => 100 * preferredShare(pod, node),
};

const preferredTaints: Score = {
  name: 'taints',
  weight: 3,
  value: (pod, _footprint, { node }) => {
    const disliked = (node.spec?.taints ?? []).filter((taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(pod, taint));
    return 100 / (1 + disliked.length);
  },
};

export const scores: readonly Score[] = [leastAllocated, balanced, spread, preferredAffinity, preferredTaints];

/** The names of the scores in which one node is ahead of another for this pod, the one that counts most first. */
export const leadsOf = (pod: Pod, footprint: PodFootprint, view: NodeView, other: NodeView): string[] =>
  scores
    .map(({ name, weight, value }) => ({ name, lead: weight * (value(pod, footprint, view) - value(pod, footprint, other)) }))
    .filter(({ lead }) => lead > 0)
    .toSorted((a, b) => b.lead - a.lead)
    .map(({ name }) => name);

/** The weighted sum; higher is better. */
export const scoreOf = (pod: Pod, footprint: PodFootprint, view: NodeView): number =>
  scores.reduce((sum, score) => sum + score.weight * score.value(pod, footprint, view), 0);
