/**
 * Which changes of a pod its node has no need to hear: those of the status that it reported itself. A starting pod is
 * reported three times, and each would come back as a whole pod to be read, compared and planned for nothing. Pure.
 */
import type { ObjectMeta, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { sameJson } from '../api/json-equality.ts';

/** The conditions that the agent owns; the others are somebody else's, and it must hear of them (readiness gates). */
const agentConditions: ReadonlySet<string> = new Set(['PodReadyToStartContainers', 'Initialized', 'ContainersReady', 'Ready']);

/** The conditions of one side: the agent's, or those of all others. */
export const ownedConditions = (status: PodStatus | undefined, byAgent: boolean): NonNullable<PodStatus['conditions']> =>
  (status?.conditions ?? []).filter((condition) => agentConditions.has(condition.type) === byAgent);

/** Without what every write changes. */
const meaning = (metadata: ObjectMeta): ObjectMeta => {
  const kept = { ...metadata };
  delete kept.resourceVersion;
  delete kept.managedFields;
  return kept;
};

/** Whether nothing differs between two states of one pod but what its agent owns. */
export const isEcho = (before: Pod, now: Pod): boolean =>
  isTerminal(before) === isTerminal(now) &&
  sameJson(before.spec, now.spec) &&
  sameJson(meaning(before.metadata), meaning(now.metadata)) &&
  sameJson(ownedConditions(before.status, false), ownedConditions(now.status, false));
