/** What a failed step means: when it is tried again, and which events tell of it. */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Container } from '../../proto/resources/kubernetes.ts';
import { imageBackOffMaxMs, imageBackOffMinMs, imageErrorShownMs, stepBackOffMaxMs, stepBackOffMinMs } from '../limits.ts';
import type { ObjectKind } from '../objects.ts';
import type { ProbeResult } from '../probes/pod-probes.ts';
import { RuntimeFailure } from '../runtime/runtime.ts';
import { crashDelayMs, isImageBackOff, podWords } from './container-status.ts';
import { startKey } from './draft.ts';
import type { PodMemory, Trouble } from './memory.ts';
import type { Step } from './steps.ts';
import type { PodView } from './view.ts';
import { allContainers } from './view.ts';

export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly container?: Container;
}

const imagePulls = { initialMs: imageBackOffMinMs, maxMs: imageBackOffMaxMs };
const otherSteps = { initialMs: stepBackOffMinMs, maxMs: stepBackOffMaxMs };

/** @param before the trouble that the same step had last time */
export const troubleAfter = (error: unknown, before: Trouble | undefined, nowMs: number): Trouble => {
  const failures = (before?.failures ?? 0) + 1;
  const reason = error instanceof RuntimeFailure ? error.reason : 'RuntimeUnavailable';
  const message = error instanceof Error ? error.message : String(error);
  const delayMs = backoffMs(failures, reason === 'ErrImagePull' ? imagePulls : otherSteps);
  return { reason, message, atMs: nowMs, failures, retryAtMs: nowMs + delayMs };
};

/** Whether an object of this kind may be what the step failed for want of: an image for its credentials, the rest for its content. */
export const waitsForObject = ({ reason }: Trouble, kind: ObjectKind): boolean =>
  reason === 'ErrImagePull' ? kind !== 'ConfigMap' : reason === 'FailedMount' || reason === 'CreateContainerConfigError';

/** The events of a step that failed. */
export const failureEvents = (step: Step, trouble: Trouble): readonly Told[] => {
  const { reason, message } = trouble;
  if (reason === 'RuntimeUnavailable') return [];
  if (step.type === 'createSandbox') return [{ type: 'Warning', reason, message }];
  if (step.type !== 'startContainer') return [];
  const { container } = step;
  const failed = (text: string): Told => ({ type: 'Warning', reason: 'Failed', message: text, container });
  if (reason === 'ErrImagePull') return [failed(`Failed to pull image "${container.image}": ${message}`), failed('Error: ErrImagePull')];
  if (reason === 'InvalidImageName') {
    return [{ type: 'Warning', reason: 'InspectFailed', message, container }, failed('Error: InvalidImageName')];
  }
  return [failed(`Error: ${message}`)];
};

const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

export const probeFailureEvent = ({ kind, message }: ProbeResult): string => `${capitalised(kind)} probe failed: ${message}`;

/** Says once per wait that a container waits, and why. */
export class BackOffEvents {
  /** By container: the wait that was told last. */
  readonly #told = new Map<string, string>();

  /** `wakeAtMs`: when a wait that has just begun is to be told. */
  due(view: PodView, memory: PodMemory, nowMs: number): { readonly events: readonly Told[]; readonly wakeAtMs: number | undefined } {
    const events: Told[] = [];
    let wakeAtMs: number | undefined;
    if (memory.termination || memory.verdict) return { events, wakeAtMs };
    for (const item of allContainers(view)) {
      const { container, name, latest } = item;
      const trouble = memory.troubles.get(startKey(name));
      const image = container.image ?? '';
      if (trouble?.reason === 'ErrImagePull') {
        if (!isImageBackOff(trouble, nowMs)) wakeAtMs = Math.min(wakeAtMs ?? Infinity, trouble.atMs + imageErrorShownMs);
        else if (this.#first(name, `pull ${trouble.failures}`)) {
          events.push({ type: 'Normal', reason: 'BackOff', message: `Back-off pulling image "${image}"`, container });
          events.push({ type: 'Warning', reason: 'Failed', message: 'Error: ImagePullBackOff', container });
        }
      } else if (latest && crashDelayMs(view, item, nowMs) > 0 && this.#first(name, `crash ${latest.attempt}`)) {
        const message = `Back-off restarting failed container ${name} in pod ${podWords(view)}`;
        events.push({ type: 'Warning', reason: 'BackOff', message, container });
      }
    }
    return { events, wakeAtMs };
  }

  #first(name: string, wait: string): boolean {
    if (this.#told.get(name) === wait) return false;
    this.#told.set(name, wait);
    return true;
  }
}
