/** The one word about a pod, derived from its containers with Kubernetes' rules. */
import type { PodMemory } from './memory.ts';
import { isStarted } from './memory.ts';
import { restartPolicyOf, restartsAfter } from './restart.ts';
import { allContainers, isRunning, runInSandbox } from './view.ts';
import type { ContainerView, PodView } from './view.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export const isFinal = (phase: string | undefined): boolean => phase === 'Succeeded' || phase === 'Failed';

/** A main container that is present in the sandbox proves that initialization was through once. */
const mainsBegan = (view: PodView): boolean =>
  view.mains.some((main) => (view.sandbox ? runInSandbox(view, main) !== undefined : main.latest !== undefined));

const initDone = (view: PodView, memory: PodMemory, init: ContainerView): boolean => {
  const run = view.sandbox ? runInSandbox(view, init) : init.latest;
  if (run === undefined) return false;
  if (init.role === 'sidecar') return run.state === 'running' && isStarted(memory, init.name, run.id);
  return run.state === 'exited' && run.exitCode === 0;
};

/** Names of the init containers that still keep the main ones waiting. */
export const pendingInits = (view: PodView, memory: PodMemory): readonly string[] =>
  mainsBegan(view) ? [] : view.inits.filter((init) => !initDone(view, memory, init)).map((init) => init.name);

const initFailed = (view: PodView): boolean =>
  restartPolicyOf(view.pod.spec) === 'Never' &&
  !mainsBegan(view) &&
  view.inits.some((init) => init.role === 'init' && init.latest?.state === 'exited' && init.latest.exitCode !== 0);

/** Main containers are through and stay so, or an init container failed for good: only then the pod can end. */
export const isDone = (view: PodView): boolean => {
  if (initFailed(view)) return true;
  const policy = restartPolicyOf(view.pod.spec);
  return view.mains.every((main) => main.latest?.state === 'exited' && !restartsAfter(policy, main.latest.exitCode));
};

const exitCodes = (view: PodView): readonly number[] =>
  view.mains.flatMap((main) => (main.latest?.state === 'exited' ? [main.latest.exitCode] : []));

/**
 * A final phase is only told when nothing runs any more, and is never taken back.
 */
export const phaseOf = (view: PodView, memory: PodMemory): Phase => {
  const before = view.status.phase;
  if (before === 'Failed' || before === 'Succeeded') return before;
  const anyRuns = allContainers(view).some(isRunning);
  if (memory.verdict !== undefined && !anyRuns) return 'Failed';
  const codes = exitCodes(view);
  if (!anyRuns && isDone(view)) return !initFailed(view) && codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  if (memory.termination !== undefined && !anyRuns && codes.length === view.mains.length) {
    return codes.every((code) => code === 0) ? 'Succeeded' : 'Failed';
  }
  if (memory.termination !== undefined || memory.verdict !== undefined) return before === 'Running' ? 'Running' : 'Pending';
  if (pendingInits(view, memory).length > 0) return 'Pending';
  return view.mains.every((main) => main.latest !== undefined) ? 'Running' : 'Pending';
};
