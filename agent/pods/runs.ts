/** What is remembered about the running containers, and which of them are probed. */
import type { Container } from '../../proto/resources/kubernetes.ts';
import type { ProbedRun } from '../probes/pod-probes.ts';
import type { PodMemory, RunMemory } from './memory.ts';
import { isReady, isStarted } from './memory.ts';
import type { PodView } from './view.ts';
import { allContainers } from './view.ts';

export const newRun = (container: Container, runId: string, hookPending: boolean): RunMemory => ({
  runId,
  hookPending,
  startupOk: container.startupProbe === undefined,
  readinessOk: container.readinessProbe === undefined,
  kill: undefined,
});

/**
 * Gives every running container its memory. One that an agent before this one started keeps what its status says:
 * ready stays ready until a probe says otherwise.
 */
export const adoptRuns = (view: PodView, memory: PodMemory, arriving: boolean): void => {
  const statuses = [...(view.status.initContainerStatuses ?? []), ...(view.status.containerStatuses ?? [])];
  for (const { container, name, latest } of allContainers(view)) {
    if (latest?.state !== 'running' || memory.runs.get(name)?.runId === latest.id) continue;
    const run = newRun(container, latest.id, false);
    memory.runs.set(name, run);
    const status = statuses.find((item) => item.name === name && item.containerID === `containerd://${latest.id}`);
    if (!arriving || status === undefined) continue;
    run.startupOk ||= status.started === true;
    run.readinessOk ||= status.ready;
  }
};

/** The runs that probes look at now. @param takenOver they were found running when the agent arrived */
export const probedRuns = (view: PodView, memory: PodMemory, hostIp: string, takenOver: boolean): readonly ProbedRun[] =>
  allContainers(view).flatMap(({ container, name, role, latest }): ProbedRun[] => {
    if (latest?.state !== 'running' || role === 'init' || memory.runs.get(name)?.kill) return [];
    const host = view.pod.spec?.hostNetwork ? hostIp : (view.sandbox?.ips[0] ?? '');
    if (host === '') return [];
    const started = isStarted(memory, name, latest.id);
    const ready = isReady(memory, name, latest.id);
    const ending = memory.termination !== undefined || memory.verdict !== undefined;
    const pending = memory.runs.get(name)?.hookPending === true;
    if (pending) return [];
    return [{ container, containerId: latest.id, host, startedAtMs: latest.startedAtMs, started, ready, takenOver, ending }];
  });
