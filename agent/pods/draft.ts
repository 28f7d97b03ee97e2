/** A plan in the making: what is under way or waits for its next try is not planned again. */
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import type { ObservedContainer } from '../runtime/runtime.ts';
import type { PodMemory } from './memory.ts';
import type { Step } from './steps.ts';

export interface Plan {
  readonly steps: readonly Step[];
  /** When to plan again though nothing happens; undefined when nothing is due. */
  readonly wakeAtMs: number | undefined;
}

export class Draft {
  readonly steps: Step[] = [];
  wakeAtMs: number | undefined;
  readonly memory: PodMemory;
  readonly nowMs: number;

  constructor(memory: PodMemory, nowMs: number) {
    this.memory = memory;
    this.nowMs = nowMs;
  }

  add(step: Step): void {
    if (this.memory.busy.has(step.key) || this.steps.some((planned) => planned.key === step.key)) return;
    const retryAtMs = this.memory.troubles.get(step.key)?.retryAtMs ?? 0;
    if (retryAtMs > this.nowMs) this.wakeAt(retryAtMs);
    else this.steps.push(step);
  }

  wakeAt(timeMs: number): void {
    this.wakeAtMs = Math.min(this.wakeAtMs ?? timeMs, timeMs);
  }

  /** Ends a running container by `deadlineMs`; a kill that is under way is only made shorter, never longer. */
  kill(container: Container, run: ObservedContainer, deadlineMs: number, message: string): void {
    const underWayMs = this.memory.killDeadlines.get(run.id);
    if (underWayMs !== undefined && underWayMs <= deadlineMs) return;
    const hook = underWayMs === undefined;
    const key = hook ? killKey(run.id) : `${killKey(run.id)}:${deadlineMs}`;
    this.add({ type: 'killContainer', key, container, containerId: run.id, deadlineMs, hook, message });
  }
}

export const sandboxKey = 'sandbox';
export const startKey = (container: string): string => `start:${container}`;
export const killKey = (containerId: string): string => `kill:${containerId}`;

export const graceMsOf = (pod: Pod): number => (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
