/** Events that wait for a session: bounded, the oldest go first, and nobody waits for them to arrive. */
import { toJsonBytes } from '../proto/node-service.ts';
import type { EventReport } from '../proto/node-service.ts';
import { objectReference } from '../proto/resources/meta.ts';
import { eventsPerFrameMax, eventsQueuedMax } from './limits.ts';
import type { PodEvent } from './pods/pods.ts';

export class EventQueue {
  readonly #queued: PodEvent[] = [];
  #onReady: () => void = () => undefined;

  set onReady(onReady: () => void) {
    this.#onReady = onReady;
  }

  add(event: PodEvent): void {
    this.#queued.push(event);
    if (this.#queued.length > eventsQueuedMax) this.#queued.shift();
    this.#onReady();
  }

  /** At most one frame; empty when there is nothing. */
  take(): EventReport[] {
    return this.#queued
      .splice(0, eventsPerFrameMax)
      .map(({ pod, type, reason, message, fieldPath }) => ({ about: toJsonBytes(objectReference(pod, fieldPath)), type, reason, message }));
  }
}
