/**
 * The decision itself: a fixed view of the cluster and pods in, a node or an explanation for each out. Pure.
 *
 * Pods alike are placed as one group: every node is judged once for the group, and after each placement only the
 * chosen node again. A hundred replicas on a thousand nodes cost 1,100 judgements, not 100,000.
 */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { explain, explainChoice, type ReasonCounts } from './explain.ts';
import { type Help, objectionTo } from './filters.ts';
import { leadsOf, scoreOf } from './scores.ts';
import { footprintOf, type NodeView, type PodFootprint, type Snapshot, withPod } from './snapshot.ts';

export type Decision =
  | {
      readonly pod: Pod;
      readonly footprint: PodFootprint;
      readonly nodeName: string;
      /** Why this node and no other. */
      readonly message: string;
    }
  | {
      readonly pod: Pod;
      readonly footprint: PodFootprint;
      readonly nodeName: undefined;
      readonly message: string;
      /** What may change the answer. */
      readonly helpedBy: ReadonlySet<Help>;
    };

/** Equal for pods that every filter and score treats alike. */
const likeness = (pod: Pod): string => {
  const { priority, nodeSelector, affinity, tolerations, containers, initContainers, overhead } = pod.spec ?? { containers: [] };
  const asked = (container: { resources?: unknown; ports?: unknown; restartPolicy?: string }): unknown => [
    container.resources,
    container.ports,
    container.restartPolicy,
  ];
  return JSON.stringify([
    pod.metadata.ownerReferences?.map(({ uid, controller }) => [uid, controller]),
    priority, nodeSelector, affinity, tolerations, containers.map(asked), initContainers?.map(asked), overhead,
  ]);
};

interface Candidate {
  view: NodeView;
  /** Undefined when the pod does not fit. */
  score: number | undefined;
  reasons: readonly string[];
  helpedBy: readonly Help[];
}

const judge = (candidate: Candidate, pod: Pod, footprint: PodFootprint): void => {
  const objection = objectionTo(pod, footprint, candidate.view);
  candidate.score = objection ? undefined : scoreOf(pod, footprint, candidate.view);
  candidate.reasons = objection?.reasons ?? [];
  candidate.helpedBy = objection?.filter.helpedBy ?? [];
};

interface Ranking {
  readonly best: Candidate | undefined;
  readonly next: Candidate | undefined;
  readonly fitting: number;
}

const rank = (candidates: readonly Candidate[]): Ranking => {
  let [best, next]: (Candidate | undefined)[] = [];
  let fitting = 0;
  for (const candidate of candidates) {
    if (candidate.score === undefined) continue;
    fitting += 1;
    if (best?.score === undefined || candidate.score > best.score) [best, next] = [candidate, best];
    else if (next?.score === undefined || candidate.score > next.score) next = candidate;
  }
  return { best, next, fitting };
};

const reasonCounts = (candidates: readonly Candidate[]): ReasonCounts => {
  const counts = new Map<string, number>();
  for (const { reasons } of candidates) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
};

const refusal = (pod: Pod, footprint: PodFootprint, candidates: readonly Candidate[]): Decision => {
  // A new node may always help, and the only thing that can when there is none.
  const helpedBy = new Set<Help>(['node']);
  for (const { helpedBy: helps } of candidates) for (const help of helps) helpedBy.add(help);
  return { pod, footprint, nodeName: undefined, message: explain(candidates.length, reasonCounts(candidates)), helpedBy };
};

const placeGroup = (nodes: Map<string, NodeView>, pods: readonly Pod[]): Decision[] => {
  let judged: Candidate[] | undefined;
  return pods.map((pod): Decision => {
    const footprint = footprintOf(pod);
    if (judged === undefined) {
      judged = [...nodes.values()].map((view): Candidate => ({ view, score: undefined, reasons: [], helpedBy: [] }));
      for (const candidate of judged) judge(candidate, pod, footprint);
    }
    const { best, next, fitting } = rank(judged);
    if (best === undefined) return refusal(pod, footprint, judged);
    const message = explainChoice(judged.length, fitting, next ? leadsOf(pod, footprint, best.view, next.view) : [], reasonCounts(judged));
    const nodeName = best.view.node.metadata.name ?? '';
    best.view = withPod(best.view, footprint);
    nodes.set(nodeName, best.view);
    judge(best, pod, footprint);
    return { pod, footprint, nodeName, message };
  });
};

/** A decision for each pod, as if those before it were already running where it was decided. Groups keep the order of their first pods. */
export const place = (snapshot: Snapshot, pods: readonly Pod[]): Decision[] => {
  const nodes = new Map(snapshot.map((view) => [view.node.metadata.name ?? '', view]));
  const groups = new Map<string, Pod[]>();
  for (const pod of pods) {
    const key = likeness(pod);
    const group = groups.get(key);
    if (group) group.push(pod);
    else groups.set(key, [pod]);
  }
  return [...groups.values()].flatMap((group) => placeGroup(nodes, group));
};
