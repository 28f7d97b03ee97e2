/**
 * What a worker keeps in memory about its pod. None of it is needed to find out what must run: an agent that was
 * killed derives the rest from the runtime and from the pod's reported status, and at worst tries something sooner
 * than its back-off would have let it.
 */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { StartFailure } from '../runtime/runtime.ts';

/** A step that failed and is tried again. */
export interface Trouble {
  readonly reason: StartFailure | 'RuntimeUnavailable';
  readonly message: string;
  readonly atMs: number;
  readonly failures: number;
  readonly retryAtMs: number;
}

/** Why a running container must be stopped though its pod goes on. */
export interface KillRequest {
  /** The event's words. */
  readonly message: string;
  /** Undefined: the pod's own grace period. */
  readonly graceSeconds: number | undefined;
  readonly sinceMs: number;
}

/** Facts about one run of a container that the runtime does not keep. */
export interface RunMemory {
  readonly runId: string;
  /** True while the postStart hook runs. */
  hookPending: boolean;
  startupOk: boolean;
  readinessOk: boolean;
  kill: KillRequest | undefined;
}

/** The pod is being deleted, or its object is gone. */
export interface Termination {
  readonly deadlineMs: number;
  /** The object is gone from the API: nobody is told anything more. */
  readonly removed: boolean;
}

/** The pod failed as a whole, whatever its containers did. */
export interface Verdict {
  readonly reason: string;
  readonly message: string;
  readonly sinceMs: number;
}

export interface PodMemory {
  termination: Termination | undefined;
  verdict: Verdict | undefined;
  /** By container name; about its latest run. */
  readonly runs: Map<string, RunMemory>;
  /** By step key. */
  readonly troubles: Map<string, Trouble>;
  /** Keys of the steps that are being executed. */
  readonly busy: Map<string, AbortController>;
  /** By container id: when the kill that is under way sends SIGKILL. */
  readonly killDeadlines: Map<string, number>;
  /** Sandboxes that were not ready and have been stopped for good. */
  readonly stoppedSandboxes: Set<string>;
  /** What the pod's volumes were last prepared from; undefined for a pod that an agent before this one started. */
  volumesFrom: string | undefined;
  /** Nothing is left on the node, disk included. */
  cleaned: boolean;
}

/** What a pod that runs can change its volumes by; their objects are followed by the runtime. */
export const volumesSource = ({ metadata }: Pod): string => JSON.stringify([metadata.labels, metadata.annotations]);

export const createMemory = (): PodMemory => ({
  termination: undefined,
  verdict: undefined,
  runs: new Map(),
  troubles: new Map(),
  busy: new Map(),
  killDeadlines: new Map(),
  stoppedSandboxes: new Set(),
  volumesFrom: undefined,
  cleaned: false,
});

/** Started as Kubernetes' status means it: the startup probe succeeded and the postStart hook is through. */
export const isStarted = (memory: PodMemory, name: string, runId: string): boolean => {
  const run = memory.runs.get(name);
  return run !== undefined && run.runId === runId && run.startupOk && !run.hookPending;
};

export const isReady = (memory: PodMemory, name: string, runId: string): boolean =>
  isStarted(memory, name, runId) && memory.runs.get(name)?.readinessOk === true;
