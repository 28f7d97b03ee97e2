/**
 * One picture of a pod: its spec, what the runtime has, and what was last reported. A run that the runtime lost
 * (its containers were wiped, the machine started again) is remembered from the status, so that nothing runs twice
 * and restart counts do not go back.
 */
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { isSidecar } from '../../proto/resources/pod.ts';
import type { ObservedContainer, ObservedPod, ObservedSandbox } from '../runtime/runtime.ts';

export type Role = 'init' | 'sidecar' | 'main';

export interface ContainerView {
  readonly container: Container;
  readonly name: string;
  readonly role: Role;
  /** Runs that the runtime has, running or exited, newest first. */
  readonly runs: readonly ObservedContainer[];
  /** Created and never started, or in a state that the runtime does not know: to be removed. */
  readonly leftovers: readonly ObservedContainer[];
  /** The newest run; made up from the last status where the runtime lost it. */
  readonly latest: ObservedContainer | undefined;
  readonly previous: ObservedContainer | undefined;
}

export interface PodView {
  readonly pod: Pod;
  readonly status: PodStatus;
  readonly sandbox: ObservedSandbox | undefined;
  /** All but `sandbox`: to be stopped, and removed when none of their containers is needed any more. */
  readonly staleSandboxes: readonly ObservedSandbox[];
  readonly lastSandboxAttempt: number;
  /** In the spec's order. */
  readonly inits: readonly ContainerView[];
  readonly mains: readonly ContainerView[];
  /** Everything that the runtime has of the pod. */
  readonly observed: readonly ObservedContainer[];
}

const lostMessage = 'The container could not be located when the pod was terminated';

const idOf = (containerId: string | undefined): string => containerId?.replace(/^[a-z-]+:\/\//, '') ?? '';

const timeOf = (text: string | undefined): number => {
  const timeMs = parseTimestamp(text ?? undefined);
  return Number.isNaN(timeMs) ? 0 : timeMs;
};

/** The run that a status speaks of; undefined when the container never ran. */
const remembered = (status: ContainerStatus | undefined, state: ContainerState | undefined): ObservedContainer | undefined => {
  if (status === undefined || (state?.running === undefined && state?.terminated === undefined)) return undefined;
  const startedAtMs = timeOf(state.terminated?.startedAt ?? state.running?.startedAt);
  return {
    id: idOf(state.terminated?.containerID ?? status.containerID),
    name: status.name,
    sandboxId: '',
    attempt: status.restartCount,
    state: 'exited',
    settled: true,
    createdAtMs: startedAtMs,
    startedAtMs,
    finishedAtMs: state.terminated ? timeOf(state.terminated.finishedAt) : startedAtMs,
    exitCode: state.terminated?.exitCode ?? 137,
    reason: state.terminated?.reason ?? 'ContainerStatusUnknown',
    message: state.terminated?.message ?? (state.terminated ? '' : lostMessage),
    image: status.image,
    imageId: status.imageID,
  };
};

const viewOf = (container: Container, role: Role, status: ContainerStatus | undefined, observed: ObservedPod | undefined): ContainerView => {
  const own = observed?.containers.filter((run) => run.name === container.name) ?? [];
  const runs = own
    .filter((run) => run.state === 'running' || run.state === 'exited')
    .toSorted((left, right) => right.attempt - left.attempt || right.createdAtMs - left.createdAtMs);
  const leftovers = own.filter((run) => run.state === 'created' || run.state === 'unknown');
  const known = remembered(status, status?.state) ?? remembered(status, status?.lastState);
  const latest = runs[0] === undefined || (known !== undefined && known.attempt > runs[0].attempt) ? (known ?? runs[0]) : runs[0];
  const earlier = [known, remembered(status, status?.lastState)].find((run) => run !== undefined && run.id !== latest?.id);
  const previous = latest === runs[0] ? (runs[1] ?? earlier) : runs[0];
  return { container, name: container.name, role, runs, leftovers, latest, previous };
};

/** @param status what was last reported, or came with the pod */
export const viewPod = (pod: Pod, status: PodStatus, observed: ObservedPod | undefined): PodView => {
  const sandboxes = observed?.sandboxes ?? [];
  const newest = sandboxes.toSorted((left, right) => right.attempt - left.attempt || right.createdAtMs - left.createdAtMs)[0];
  const sandbox = newest?.ready ? newest : undefined;
  const statusOf = (list: ContainerStatus[] | undefined, name: string): ContainerStatus | undefined =>
    list?.find((item) => item.name === name);
  return {
    pod,
    status,
    sandbox,
    staleSandboxes: sandboxes.filter((item) => item !== sandbox),
    lastSandboxAttempt: newest?.attempt ?? -1,
    inits: (pod.spec?.initContainers ?? []).map((container) =>
      viewOf(container, isSidecar(container) ? 'sidecar' : 'init', statusOf(status.initContainerStatuses, container.name), observed),
    ),
    mains: (pod.spec?.containers ?? []).map((container) =>
      viewOf(container, 'main', statusOf(status.containerStatuses, container.name), observed),
    ),
    observed: observed?.containers ?? [],
  };
};

export const isRunning = (view: ContainerView): boolean => view.runs.some((run) => run.state === 'running');

export const allContainers = (view: PodView): readonly ContainerView[] => [...view.inits, ...view.mains];

/** The newest run in the pod's present sandbox: init containers run again in every new one. */
export const runInSandbox = (view: PodView, container: ContainerView): ObservedContainer | undefined =>
  container.runs.find((run) => run.sandboxId === view.sandbox?.id);
