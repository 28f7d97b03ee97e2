/**
 * How a pod ends. Main containers stop together; sidecars serve them to the last and then stop one by one, the last
 * started first; all within one grace period. A pod that goes loses its sandboxes and its files as well.
 */
import type { Draft } from './draft.ts';
import { sandboxKey, startKey } from './draft.ts';
import type { Termination } from './memory.ts';
import type { ContainerView, PodView } from './view.ts';
import { allContainers, isRunning } from './view.ts';

const stopOrder = (view: PodView, overdue: boolean): readonly ContainerView[] => {
  const running = allContainers(view).filter(isRunning);
  if (overdue) return running;
  const others = running.filter((container) => container.role !== 'sidecar');
  return others.length > 0 ? others : running.slice(-1);
};

/** Plans the stop of what runs; true when nothing does. */
const planStop = (view: PodView, deadlineMs: number, draft: Draft): boolean => {
  const overdue = draft.nowMs >= deadlineMs;
  for (const container of stopOrder(view, overdue)) {
    for (const run of container.runs) {
      if (run.state === 'running') draft.kill(container.container, run, deadlineMs, `Stopping container ${container.name}`);
    }
  }
  const left = view.observed.some((run) => run.state === 'running');
  if (left && !overdue) draft.wakeAt(deadlineMs);
  return !left;
};

const starting = (draft: Draft): boolean => [...draft.memory.busy.keys()].some((key) => key === sandboxKey || key.startsWith(startKey('')));

/** The pod is over but its object stays: containers are kept for their logs, the network is given back. */
export const planEnd = (view: PodView, deadlineMs: number, draft: Draft): void => {
  if (!planStop(view, deadlineMs, draft) || starting(draft)) return;
  for (const { id, ready } of view.sandbox ? [view.sandbox, ...view.staleSandboxes] : view.staleSandboxes) {
    if (ready || !draft.memory.stoppedSandboxes.has(id)) draft.add({ type: 'stopSandbox', key: `stop:${id}`, sandboxId: id });
  }
};

/** Nothing of the pod stays. */
export const planRemoval = (view: PodView, termination: Termination, draft: Draft): void => {
  if (!planStop(view, termination.deadlineMs, draft) || starting(draft)) return;
  const sandboxes = view.sandbox ? [view.sandbox, ...view.staleSandboxes] : view.staleSandboxes;
  for (const { id } of sandboxes) draft.add({ type: 'removeSandbox', key: `remove:${id}`, sandboxId: id });
  const known = new Set(sandboxes.map(({ id }) => id));
  for (const run of view.observed) {
    if (!known.has(run.sandboxId)) draft.add({ type: 'removeContainer', key: `remove:${run.id}`, containerId: run.id });
  }
  if (sandboxes.length === 0 && view.observed.length === 0 && !draft.memory.cleaned) {
    draft.add({ type: 'cleanPod', key: 'clean' });
  }
};
