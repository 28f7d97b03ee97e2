/** Questions about a pod that the loops, the agent and the tables ask alike. */
import { parseTimestamp } from '../process/clock.ts';
import { conditionOf } from './conditions.ts';
import type { Container, ContainerStatus, Pod } from './kubernetes.ts';

export { conditionOf, setCondition } from './conditions.ts';

/** A restartable init container: it starts in the order of the init containers and then runs beside the others. */
export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/** Succeeded or Failed: no container of it will run again. */
export const isTerminal = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

export const isPodReady = (pod: Pod): boolean => conditionOf(pod.status, 'Ready')?.status === 'True';

/** Ready for at least `minReadySeconds`. */
export const isPodAvailable = (pod: Pod, minReadySeconds: number, nowMs: number): boolean => {
  const ready = conditionOf(pod.status, 'Ready');
  if (ready?.status !== 'True') return false;
  if (minReadySeconds <= 0) return true;
  const sinceMs = parseTimestamp(ready.lastTransitionTime);
  return sinceMs + minReadySeconds * 1000 <= nowMs;
};

/** The containers that run as long as the pod does: the regular ones and the sidecars. */
const lastingStatuses = (pod: Pod): ContainerStatus[] => {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  return [
    ...(pod.status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
    ...(pod.status?.containerStatuses ?? []),
  ];
};

/** The READY column: sidecars count. */
export const readyCounts = (pod: Pod): { ready: number; total: number } => ({
  ready: lastingStatuses(pod).filter(({ ready, state }) => ready && state?.running).length,
  total: (pod.spec?.containers?.length ?? 0) + (pod.spec?.initContainers ?? []).filter(isSidecar).length,
});

/** The RESTARTS column: how often, and when last (milliseconds; undefined when never). */
export const restartCounts = (pod: Pod): { restarts: number; lastRestartMs: number | undefined } => {
  // While init containers run, their restarts are what there is to see; afterwards only those of what lasts.
  const initialized = conditionOf(pod.status, 'Initialized')?.status === 'True';
  const statuses = initialized ? lastingStatuses(pod) : [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  let restarts = 0;
  let lastRestartMs: number | undefined;
  for (const { restartCount, lastState } of statuses) {
    restarts += restartCount ?? 0;
    const finishedMs = parseTimestamp(lastState?.terminated?.finishedAt);
    if (Number.isFinite(finishedMs)) lastRestartMs = Math.max(lastRestartMs ?? 0, finishedMs);
  }
  return { restarts, lastRestartMs };
};

type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

const exitText = (terminated: Terminated): string =>
  terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`);

/** What keeps the pod from being initialized, or undefined when nothing does. */
const initText = (pod: Pod): string | undefined => {
  const specs = new Map((pod.spec?.initContainers ?? []).map((container) => [container.name, container]));
  const statuses = pod.status?.initContainerStatuses ?? [];
  for (const [index, { name, state, started }] of statuses.entries()) {
    const spec = specs.get(name);
    if (state?.terminated?.exitCode === 0) continue;
    if (spec && isSidecar(spec) && started) continue;
    if (state?.terminated) return `Init:${exitText(state.terminated)}`;
    const waiting = state?.waiting?.reason;
    return waiting && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${specs.size}`;
  }
  return undefined;
};

/** The word for the containers; the first container's wins when several have one. */
const containersText = (pod: Pod, base: string): string => {
  let text = base;
  let running = false;
  for (const { state, ready } of (pod.status?.containerStatuses ?? []).toReversed()) {
    if (state?.waiting?.reason) text = state.waiting.reason;
    else if (state?.terminated) text = exitText(state.terminated);
    else if (ready && state?.running) running = true;
  }
  // A container that runs on means that the pod as a whole has not completed.
  if (text !== 'Completed' || !running) return text;
  return conditionOf(pod.status, 'Ready')?.status === 'True' ? 'Running' : 'NotReady';
};

/** The STATUS column: the most telling word about a pod, by the rule that `kubectl get pods` follows. */
export const podStatusText = (pod: Pod): string => {
  const phase = pod.status?.phase ?? '';
  const scheduled = conditionOf(pod.status, 'PodScheduled');
  let text = pod.status?.reason || phase || 'Unknown';
  if (scheduled?.reason === 'SchedulingGated') text = 'SchedulingGated';
  const initialized = conditionOf(pod.status, 'Initialized')?.status === 'True';
  const initializing = initText(pod);
  text = initializing !== undefined && !initialized ? initializing : containersText(pod, text);
  if (pod.metadata.deletionTimestamp === undefined) return text;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return phase === 'Succeeded' || phase === 'Failed' ? text : 'Terminating';
};
