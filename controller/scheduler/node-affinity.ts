/** Which nodes a pod wants or must have: nodeSelector and node affinity. Pure. */
import type { Node, NodeSelectorTerm, Pod } from '../../proto/resources/kubernetes.ts';
import { matches, type Operator, type Requirement } from '../../proto/resources/selector.ts';

const requirementOf = ({ key, operator, values }: { key: string; operator: string; values?: string[] }): Requirement => ({
  key,
  operator: operator as Operator,
  values: values ?? [],
});

/** All expressions of a term must hold; a term with none matches no node. */
const matchesTerm = (term: NodeSelectorTerm, node: Node): boolean => {
  const expressions = (term.matchExpressions ?? []).map(requirementOf);
  const fields = (term.matchFields ?? []).map(requirementOf);
  if (expressions.length + fields.length === 0) return false;
  return matches(expressions, node.metadata.labels ?? {}) && matches(fields, { 'metadata.name': node.metadata.name ?? '' });
};

/** nodeSelector, and one of the terms of required node affinity. */
export const matchesRequired = (pod: Pod, node: Node): boolean => {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || (required.nodeSelectorTerms ?? []).some((term) => matchesTerm(term, node));
};

/** How much of the weight of preferred node affinity the node earns, 0 to 1; 0 when nothing is preferred. */
export const preferredShare = (pod: Pod, node: Node): number => {
  const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  let total = 0;
  let earned = 0;
  for (const { weight, preference } of preferred) {
    total += weight;
    if (matchesTerm(preference, node)) earned += weight;
  }
  return total === 0 ? 0 : earned / total;
};
