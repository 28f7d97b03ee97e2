/**
 * Where a pod cannot run, and why, in Kubernetes' words. Each filter looks at one pod and one node; the first that
 * objects decides. `helpedBy` names what may make it change its mind, so that a pod waits for that and nothing else.
 * Pure.
 */
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { portsConflict } from './host-ports.ts';
import { matchesRequired } from './node-affinity.ts';
import type { NodeView, PodFootprint } from './snapshot.ts';
import { untoleratedTaint } from './tolerations.ts';

/** Things that happen and may make room for a pod. */
export type Help =
  /** A node came, or changed in labels, taints, allocatable, cordon or readiness. */
  | 'node'
  /** A pod went away from a node or ended on it. */
  | 'pod';

export interface Filter {
  readonly name: string;
  readonly helpedBy: readonly Help[];
  /** Why the pod cannot run on the node; empty when nothing is against it. */
  reasons(pod: Pod, footprint: PodFootprint, view: NodeView): readonly string[];
}

const unschedulableTaint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };
const keepsOff: ReadonlySet<string> = new Set(['NoSchedule', 'NoExecute']);

const unschedulable: Filter = {
  name: 'NodeUnschedulable',
  helpedBy: ['node'],
  reasons: (pod, _footprint, { node }) =>
    node.spec?.unschedulable && untoleratedTaint(pod, [unschedulableTaint], keepsOff) ? ['node(s) were unschedulable'] : [],
};

const taints: Filter = {
  name: 'TaintToleration',
  helpedBy: ['node'],
  reasons: (pod, _footprint, { node }) => {
    const taint = untoleratedTaint(pod, node.spec?.taints ?? [], keepsOff);
    return taint ? [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`] : [];
  },
};

/** Kubernetes leaves this to the taint `not-ready`; the taint follows the condition a moment later, and a pod must not slip through. */
const ready: Filter = {
  name: 'NodeReady',
  helpedBy: ['node'],
  reasons: (pod, _footprint, { node }) => {
    if (conditionOf(node.status, 'Ready')?.status === 'True') return [];
    const taint = untoleratedTaint(pod, [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }], keepsOff);
    return taint ? ['node(s) were not ready'] : [];
  },
};

const affinity: Filter = {
  name: 'NodeAffinity',
  helpedBy: ['node'],
  reasons: (pod, _footprint, { node }) => (matchesRequired(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"]),
};

const hostPorts: Filter = {
  name: 'NodePorts',
  helpedBy: ['node', 'pod'],
  reasons: (_pod, footprint, view) =>
    footprint.hostPorts.some((wanted) => view.hostPorts.some((taken) => portsConflict(wanted, taken)))
      ? ["node(s) didn't have free ports for the requested pod ports"]
      : [],
};

const resources: Filter = {
  name: 'NodeResourcesFit',
  helpedBy: ['node', 'pod'],
  reasons: (_pod, { requests }, { allocatable, requested, pods }) => {
    const reasons: string[] = [];
    if (pods + 1 > (allocatable['pods'] ?? 0)) reasons.push('Too many pods');
    for (const name in requests) {
      const amount = requests[name] ?? 0;
      if (amount > 0 && amount > (allocatable[name] ?? 0) - (requested[name] ?? 0)) reasons.push(`Insufficient ${name}`);
    }
    return reasons;
  },
};

/** In the order in which Kubernetes asks them: cheap and lasting reasons first. */
export const filters: readonly Filter[] = [unschedulable, taints, ready, affinity, hostPorts, resources];

export interface Objection {
  readonly filter: Filter;
  readonly reasons: readonly string[];
}

/** The first objection to running the pod on the node; undefined when it fits. */
export const objectionTo = (pod: Pod, footprint: PodFootprint, view: NodeView): Objection | undefined => {
  for (const filter of filters) {
    const reasons = filter.reasons(pod, footprint, view);
    if (reasons.length > 0) return { filter, reasons };
  }
  return undefined;
};
