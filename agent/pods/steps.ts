/**
 * What a worker can do to its pod: one mapped type of steps, one table that runs them. A step does one thing, may
 * be repeated, and reports nothing but its failure; what it achieved is seen by observing the pod again.
 */
import { timestamp } from '../../proto/process/clock.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Container, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { graceAfterHookMinMs, pullingAnnouncedAfterMs } from '../limits.ts';
import type { ObservedSandbox, PulledImage, Runtime } from '../runtime/runtime.ts';
import { RuntimeFailure } from '../runtime/runtime.ts';
import type { HookRunner } from './hooks.ts';
import type { Slots } from './slots.ts';

interface StepShapes {
  createSandbox: { readonly attempt: number };
  /** For a pod that was running before this agent, or whose labels or annotations have changed since. */
  prepareVolumes: Record<never, never>;
  stopSandbox: { readonly sandboxId: string };
  removeSandbox: { readonly sandboxId: string };
  startContainer: { readonly container: Container; readonly attempt: number; readonly sandbox: ObservedSandbox };
  killContainer: {
    readonly container: Container;
    readonly containerId: string;
    readonly deadlineMs: number;
    /** False when an earlier kill has run the preStop hook already. */
    readonly hook: boolean;
    readonly message: string;
  };
  removeContainer: { readonly containerId: string };
  cleanPod: Record<never, never>;
}

export type StepType = keyof StepShapes;

/** Steps with the same key never run at the same time. */
export type StepOf<T extends StepType> = { readonly type: T; readonly key: string } & StepShapes[T];

export type Step = { [T in StepType]: StepOf<T> }[StepType];

/** What the steps of one pod act upon. */
export interface StepContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly hooks: HookRunner;
  readonly sandboxSlots: Slots;
  /** As it is now, not as it was when the step was planned. */
  pod(): Pod;
  status(): PodStatus;
  event(type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void;
  /** The process runs; its postStart hook, if any, does not yet. */
  onStarted(container: Container, containerId: string): void;
  onPostStartFailed(container: Container, containerId: string): void;
  onPostStartDone(container: Container, containerId: string): void;
  onVolumesPrepared(pod: Pod): void;
  onSandboxStopped(sandboxId: string): void;
  onCleaned(): void;
}

type Table = { readonly [T in StepType]: (step: StepOf<T>, context: StepContext, signal: AbortSignal) => Promise<void> };

const seconds = (durationMs: number): string => (durationMs < 1000 ? `${Math.round(durationMs)}ms` : `${(durationMs / 1000).toFixed(3)}s`);

const pull = async (container: Container, context: StepContext, signal: AbortSignal): Promise<PulledImage> => {
  const image = container.image ?? '';
  let announced = false;
  const announce = (): void => {
    if (!announced) context.event('Normal', 'Pulling', `Pulling image "${image}"`, container);
    announced = true;
  };
  const timer = context.clock.after(pullingAnnouncedAfterMs, announce);
  try {
    const pulled = await context.runtime.pullImage(context.pod(), container, signal);
    if (pulled.pulled) {
      announce();
      const took = seconds(pulled.durationMs);
      const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${pulled.sizeBytes} bytes.`;
      context.event('Normal', 'Pulled', message, container);
    } else {
      context.event('Normal', 'Pulled', `Container image "${image}" already present on machine`, container);
    }
    return pulled;
  } catch (error) {
    if (error instanceof RuntimeFailure && error.reason === 'ErrImagePull') announce();
    throw error;
  } finally {
    timer.cancel();
  }
};

const startContainer: Table['startContainer'] = async (step, context, signal) => {
  const { container } = step;
  const image = await pull(container, context, signal);
  signal.throwIfAborted();
  const id = await context.runtime.startContainer(
    { pod: context.pod(), container, attempt: step.attempt, sandbox: step.sandbox, image, status: statusForEnv(context.status(), step.sandbox, context) },
    signal,
  );
  context.event('Normal', 'Created', `Created container: ${container.name}`, container);
  context.event('Normal', 'Started', `Started container ${container.name}`, container);
  context.onStarted(container, id);
  const hook = container.lifecycle?.postStart;
  if (hook === undefined) return;
  try {
    await context.hooks.postStart(context.pod(), container, id, step.sandbox.ips[0] ?? '', signal);
  } catch {
    if (signal.aborted) return;
    context.event('Warning', 'FailedPostStartHook', 'PostStartHook failed', container);
    context.onPostStartFailed(container, id);
    return;
  }
  context.onPostStartDone(container, id);
};

/** The first containers start before the status with the pod's address has been reported. */
const statusForEnv = (status: PodStatus, sandbox: ObservedSandbox, context: StepContext): PodStatus => ({
  ...status,
  ...(sandbox.ips.length > 0 ? { podIP: sandbox.ips[0] as string, podIPs: sandbox.ips.map((ip) => ({ ip })) } : {}),
  startTime: status.startTime ?? timestamp(context.clock.nowMs()),
});

const killContainer: Table['killContainer'] = async (step, context, signal) => {
  const { container, containerId } = step;
  const preStop = container.lifecycle?.preStop;
  const leftMs = (): number => step.deadlineMs - context.clock.nowMs();
  if (step.hook) context.event('Normal', 'Killing', step.message, container);
  let graceMs = Math.max(leftMs(), 0);
  if (step.hook && preStop !== undefined && graceMs > 0) {
    const podIp = context.status().podIP ?? '';
    try {
      await context.hooks.preStop(context.pod(), container, containerId, podIp, graceMs, signal);
    } catch {
      if (signal.aborted) return;
      context.event('Warning', 'FailedPreStopHook', 'PreStopHook failed', container);
    }
    graceMs = Math.max(leftMs(), graceAfterHookMinMs);
  }
  await context.runtime.stopContainer(containerId, Math.ceil(graceMs / 1000));
};

const prepareVolumes = async (context: StepContext): Promise<void> => {
  const pod = context.pod();
  await context.runtime.prepareVolumes(pod);
  context.onVolumesPrepared(pod);
};

const table: Table = {
  createSandbox: async (step, context, signal) => {
    await prepareVolumes(context);
    await context.sandboxSlots.use(() => context.runtime.createSandbox(context.pod(), step.attempt, signal), signal);
  },
  prepareVolumes: (_step, context) => prepareVolumes(context),
  stopSandbox: async (step, context) => {
    await context.runtime.stopSandbox(step.sandboxId);
    context.onSandboxStopped(step.sandboxId);
  },
  removeSandbox: (step, context) => context.runtime.removeSandbox(step.sandboxId),
  startContainer,
  killContainer,
  removeContainer: (step, context) => context.runtime.removeContainer(step.containerId),
  cleanPod: async (_step, context) => {
    await context.runtime.cleanPod(context.pod().metadata.uid ?? '');
    context.onCleaned();
  },
};

/** Runs one step. Rejects with RuntimeFailure, or with whatever else kept the runtime from doing it. */
export const runStep = <T extends StepType>(step: StepOf<T>, context: StepContext, signal: AbortSignal): Promise<void> =>
  table[step.type](step, context, signal);
