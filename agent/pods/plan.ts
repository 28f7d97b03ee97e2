/**
 * What to do next for one pod. Pure: the same picture, memory and time give the same plan. The worker executes the
 * steps, looks again, and plans again; nobody trusts an old plan.
 *
 *     no ready sandbox ──► stop the stale ones ──► create one ──► init containers in order ──► main containers
 *                                                                 (a sidecar must be started before the next)
 *     a container exits ──► its restart policy and back-off ──► the next run
 *     the pod is done, failed as a whole, or goes ──► termination.ts
 */
import { containerRunsKeptMax } from '../limits.ts';
import type { ObservedSandbox } from '../runtime/runtime.ts';
import type { Plan } from './draft.ts';
import { Draft, graceMsOf, sandboxKey, startKey } from './draft.ts';
import type { PodMemory } from './memory.ts';
import { isStarted, volumesSource } from './memory.ts';
import { isDone, isFinal } from './phase.ts';
import { restartDelayMs, restartPolicyOf, restartsAfter } from './restart.ts';
import { planEnd, planRemoval } from './termination.ts';
import type { ContainerView, PodView } from './view.ts';
import { allContainers, runInSandbox } from './view.ts';

/** Undefined: it does not run again. Otherwise when; in the past for at once. */
export const restartAtMs = (policy: string, container: ContainerView): number | undefined => {
  const { latest, previous } = container;
  if (latest === undefined) return 0;
  const changed = container.runs.length > 0 && latest.image !== container.container.image;
  const again = container.role === 'sidecar' || (changed && container.role === 'main') || restartsAfter(policy, latest.exitCode);
  if (!again) return undefined;
  return changed ? 0 : latest.finishedAtMs + restartDelayMs(latest, previous);
};

/** Plans the start of a container that does not run. */
const planStart = (view: PodView, container: ContainerView, sandbox: ObservedSandbox, draft: Draft, anew: boolean): void => {
  if (container.leftovers.length > 0) return;
  const atMs = anew ? 0 : restartAtMs(restartPolicyOf(view.pod.spec), container);
  if (atMs === undefined) return;
  if (atMs > draft.nowMs) {
    draft.wakeAt(atMs);
    return;
  }
  const attempt = (container.latest?.attempt ?? -1) + 1;
  draft.add({ type: 'startContainer', key: startKey(container.name), container: container.container, attempt, sandbox });
};

/** Kills what a failed probe, a failed hook or a new image asks for. */
const planKills = (view: PodView, draft: Draft): void => {
  for (const container of allContainers(view)) {
    for (const run of container.runs) {
      if (run.state !== 'running') continue;
      const request = draft.memory.runs.get(container.name);
      if (request?.runId === run.id && request.kill) {
        const graceMs = request.kill.graceSeconds === undefined ? graceMsOf(view.pod) : request.kill.graceSeconds * 1000;
        draft.kill(container.container, run, request.kill.sinceMs + graceMs, request.kill.message);
      } else if (run !== container.runs[0]) {
        draft.kill(container.container, run, draft.nowMs, `Stopping container ${container.name}`);
      } else if (container.role !== 'init' && run.image !== container.container.image) {
        const message = `Container ${container.name} definition changed, will be restarted`;
        draft.kill(container.container, run, draft.nowMs + graceMsOf(view.pod), message);
      }
    }
  }
};

/** Removes runs and sandboxes that nothing refers to any more. */
const planGarbage = (view: PodView, draft: Draft): void => {
  const needed = new Set<string>();
  for (const container of allContainers(view)) {
    for (const run of container.leftovers) {
      const starting = draft.memory.busy.has(startKey(container.name));
      if (!starting) draft.add({ type: 'removeContainer', key: `remove:${run.id}`, containerId: run.id });
      needed.add(run.sandboxId);
    }
    container.runs.forEach((run, index) => {
      if (index < containerRunsKeptMax || run.state === 'running') needed.add(run.sandboxId);
      else draft.add({ type: 'removeContainer', key: `remove:${run.id}`, containerId: run.id });
    });
  }
  for (const { id } of view.staleSandboxes) {
    const stopped = draft.memory.stoppedSandboxes.has(id);
    if (stopped && !needed.has(id) && view.sandbox) draft.add({ type: 'removeSandbox', key: `remove:${id}`, sandboxId: id });
  }
};

/** True when the init containers let the main ones run. */
const planInits = (view: PodView, sandbox: ObservedSandbox, draft: Draft): boolean => {
  const begun = view.mains.some((main) => runInSandbox(view, main) !== undefined);
  for (const init of view.inits) {
    const run = runInSandbox(view, init);
    if (init.role === 'init') {
      if (begun || (run?.state === 'exited' && run.exitCode === 0)) continue;
      if (run?.state !== 'running') planStart(view, init, sandbox, draft, run === undefined);
      return false;
    }
    if (run?.state !== 'running') planStart(view, init, sandbox, draft, run === undefined);
    const started = run?.state === 'running' && isStarted(draft.memory, init.name, run.id);
    if (!started && !begun) return false;
  }
  return true;
};

const planRun = (view: PodView, draft: Draft): void => {
  planKills(view, draft);
  const unstopped = view.staleSandboxes.filter(({ id }) => !draft.memory.stoppedSandboxes.has(id));
  for (const { id } of unstopped) draft.add({ type: 'stopSandbox', key: `stop:${id}`, sandboxId: id });
  planGarbage(view, draft);
  const staleRuns = view.observed.some((run) => run.state === 'running' && run.sandboxId !== view.sandbox?.id);
  if (unstopped.length > 0 || staleRuns) return;
  const { sandbox } = view;
  if (sandbox === undefined) {
    draft.add({ type: 'createSandbox', key: sandboxKey, attempt: view.lastSandboxAttempt + 1 });
    return;
  }
  const hasVolumes = (view.pod.spec?.volumes ?? []).length > 0;
  if (hasVolumes && draft.memory.volumesFrom !== volumesSource(view.pod)) draft.add({ type: 'prepareVolumes', key: 'volumes' });
  if (!planInits(view, sandbox, draft)) return;
  for (const main of view.mains) {
    if (main.runs[0]?.state !== 'running') planStart(view, main, sandbox, draft, false);
  }
};

/**
 * @param view the pod as it is and as it should be
 * @param memory what the worker remembers; only read
 */
export const plan = (view: PodView, memory: PodMemory, nowMs: number): Plan => {
  const draft = new Draft(memory, nowMs);
  if (memory.termination) planRemoval(view, memory.termination, draft);
  else if (memory.verdict) planEnd(view, memory.verdict.sinceMs + graceMsOf(view.pod), draft);
  else if (isFinal(view.status.phase) || isDone(view)) planEnd(view, nowMs + graceMsOf(view.pod), draft);
  else planRun(view, draft);
  return { steps: draft.steps, wakeAtMs: draft.wakeAtMs };
};
