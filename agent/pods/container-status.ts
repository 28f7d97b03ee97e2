/** One container's status, in Kubernetes' words. Pure. */
import { timestamp } from '../../proto/process/clock.ts';
import type { ContainerState, ContainerStatus } from '../../proto/resources/kubernetes.ts';
import { imageErrorShownMs } from '../limits.ts';
import type { ObservedContainer } from '../runtime/runtime.ts';
import { startKey } from './draft.ts';
import type { PodMemory, Trouble } from './memory.ts';
import { isReady, isStarted } from './memory.ts';
import { restartAtMs } from './plan.ts';
import { restartDelayMs, restartPolicyOf } from './restart.ts';
import type { ContainerView, PodView } from './view.ts';

/** What the words `name_namespace(uid)` are about in messages on back-offs. */
export const podWords = (view: PodView): string => {
  const { name, namespace, uid } = view.pod.metadata;
  return `${name}_${namespace}(${uid})`;
};

export const duration = (delayMs: number): string => {
  const seconds = Math.round(delayMs / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
};

const containerUri = (run: ObservedContainer): string => (run.id === '' ? '' : `containerd://${run.id}`);

export const terminatedState = (run: ObservedContainer): ContainerState => ({
  terminated: {
    exitCode: run.exitCode,
    ...(run.reason || run.exitCode ? { reason: run.reason || 'Error' } : { reason: 'Completed' }),
    ...(run.message ? { message: run.message } : {}),
    ...(run.startedAtMs > 0 ? { startedAt: timestamp(run.startedAtMs) } : {}),
    ...(run.finishedAtMs > 0 ? { finishedAt: timestamp(run.finishedAtMs) } : {}),
    ...(run.id ? { containerID: containerUri(run) } : {}),
  },
});

export const isImageBackOff = (trouble: Trouble, nowMs: number): boolean =>
  trouble.reason === 'ErrImagePull' && nowMs - trouble.atMs >= imageErrorShownMs;

const waiting = (reason: string, message?: string): ContainerState => ({ waiting: { reason, ...(message ? { message } : {}) } });

const troubleState = (container: ContainerView, trouble: Trouble, nowMs: number): ContainerState => {
  if (!isImageBackOff(trouble, nowMs)) return waiting(trouble.reason, trouble.message);
  return waiting('ImagePullBackOff', `Back-off pulling image "${container.container.image}": ErrImagePull: ${trouble.message}`);
};

/** How long the container is kept waiting by its crashes, in milliseconds; 0 when it is not. */
export const crashDelayMs = (view: PodView, container: ContainerView, nowMs: number): number => {
  const { latest, previous } = container;
  if (latest?.state !== 'exited') return 0;
  const atMs = restartAtMs(restartPolicyOf(view.pod.spec), container);
  return atMs !== undefined && atMs > nowMs ? restartDelayMs(latest, previous) : 0;
};

export interface StatusContext {
  readonly view: PodView;
  readonly memory: PodMemory;
  readonly nowMs: number;
  /** Init containers are not through. */
  readonly initializing: boolean;
  /** The pod is over or ends: nothing runs again. */
  readonly ending: boolean;
}

const stateOf = (container: ContainerView, context: StatusContext): { state: ContainerState; last: ContainerState } => {
  const { view, memory, nowMs } = context;
  const { latest, previous } = container;
  const before = previous ? terminatedState(previous) : {};
  if (latest?.state === 'running') return { state: { running: { startedAt: timestamp(latest.startedAtMs) } }, last: before };
  const trouble = memory.troubles.get(startKey(container.name));
  const again = !context.ending && (latest === undefined || restartAtMs(restartPolicyOf(view.pod.spec), container) !== undefined);
  if (again && trouble && trouble.reason !== 'RuntimeUnavailable') {
    return { state: troubleState(container, trouble, nowMs), last: latest ? terminatedState(latest) : {} };
  }
  if (latest === undefined) {
    const early = container.role === 'main' ? context.initializing : view.inits.length > 0;
    return { state: waiting(early ? 'PodInitializing' : 'ContainerCreating'), last: {} };
  }
  const delayMs = again ? crashDelayMs(view, container, nowMs) : 0;
  if (delayMs === 0) return { state: terminatedState(latest), last: before };
  const message = `back-off ${duration(delayMs)} restarting failed container=${container.name} pod=${podWords(view)}`;
  return { state: waiting('CrashLoopBackOff', message), last: terminatedState(latest) };
};

export const containerStatus = (container: ContainerView, context: StatusContext): ContainerStatus => {
  const { memory } = context;
  const { latest, name } = container;
  const { state, last } = stateOf(container, context);
  const running = latest?.state === 'running';
  const initDone = container.role === 'init' && latest?.state === 'exited' && latest.exitCode === 0;
  const { resources } = container.container;
  return {
    name,
    state,
    lastState: last,
    ready: initDone || (running && container.role !== 'init' && isReady(memory, name, latest.id)),
    restartCount: latest?.attempt ?? 0,
    image: latest?.image || (container.container.image ?? ''),
    imageID: latest?.imageId ?? '',
    ...(latest?.id ? { containerID: containerUri(latest) } : {}),
    started: running && (container.role === 'init' || isStarted(memory, name, latest.id)),
    ...(resources && Object.keys(resources).length > 0 && latest ? { resources } : {}),
  };
};
