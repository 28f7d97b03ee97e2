/** The conditions of a pod that the agent owns. All others are kept as they came. Pure. */
import { timestamp } from '../../proto/process/clock.ts';
import type { ContainerStatus, PodCondition } from '../../proto/resources/kubernetes.ts';
import type { Phase } from './phase.ts';
import type { PodView } from './view.ts';

type Verdict = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

export interface ConditionFacts {
  readonly view: PodView;
  readonly phase: Phase;
  readonly pendingInits: readonly string[];
  /** Of the main containers and the sidecars. */
  readonly serving: readonly ContainerStatus[];
}

const initialized = ({ phase, pendingInits, view }: ConditionFacts): Verdict => {
  if (pendingInits.length === 0 || view.inits.length === 0) return { type: 'Initialized', status: 'True' };
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const message = `containers with incomplete status: [${pendingInits.join(' ')}]`;
  return { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized', message };
};

const containersReady = ({ phase, serving }: ConditionFacts): Verdict => {
  if (phase === 'Succeeded') return { type: 'ContainersReady', status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type: 'ContainersReady', status: 'False', reason: 'PodFailed' };
  const unready = serving.filter((status) => !status.ready).map((status) => status.name);
  if (unready.length === 0) return { type: 'ContainersReady', status: 'True' };
  const message = `containers with unready status: [${unready.join(' ')}]`;
  return { type: 'ContainersReady', status: 'False', reason: 'ContainersNotReady', message };
};

/** Readiness gates count once the containers are ready. */
const ready = (facts: ConditionFacts, containers: Verdict, given: readonly PodCondition[]): Verdict => {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const closed = (facts.view.pod.spec?.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = given.find((item) => item.type === conditionType);
    if (condition?.status === 'True') return [];
    const what = condition ? 'has status "' + condition.status + '", but should be True' : 'does not exist';
    return [`corresponding condition of pod readiness gate "${conditionType}" ${what}.`];
  });
  if (closed.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: closed.join(', ') };
};

/**
 * @param given what the pod came with: conditions of others are taken from here
 * @param before what was last reported: times of own conditions that did not change
 */
export const conditionsOf = (
  facts: ConditionFacts,
  given: readonly PodCondition[],
  before: readonly PodCondition[],
  nowMs: number,
): PodCondition[] => {
  const containers = containersReady(facts);
  const { sandbox, pod } = facts.view;
  const hasNetwork = sandbox !== undefined && (sandbox.ips.length > 0 || pod.spec?.hostNetwork === true);
  const own: Verdict[] = [
    { type: 'PodReadyToStartContainers', status: hasNetwork ? 'True' : 'False' },
    initialized(facts),
    ready(facts, containers, given),
    containers,
  ];
  const timed = own.map((verdict): PodCondition => {
    const last = before.find((condition) => condition.type === verdict.type);
    const kept = last?.status === verdict.status ? last.lastTransitionTime : undefined;
    return { ...verdict, lastTransitionTime: kept ?? timestamp(nowMs) };
  });
  const types = new Set(own.map((verdict) => verdict.type));
  return [...timed, ...given.filter((condition) => !types.has(condition.type))];
};
