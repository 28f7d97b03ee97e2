/**
 * Writes Events in the background. Telling is a favour: it never blocks, never fails its caller, and what is too much is dropped.
 *
 *     record ── allowance of the speaker ──► pending (one entry per distinct event) ──► create, or count up
 *
 * Invariants
 * - Repetitions that wait together are written once, with their number.
 * - Of one distinct event at most one write is under way, so that its count only grows.
 */
import { isApiError } from '../../proto/errors.ts';
import { eventKind } from '../../proto/kinds.ts';
import { type Clock, timestamp } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Event, KubeObject, ObjectReference } from '../../proto/resources/kubernetes.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import {
  eventBurstPerObject, eventRefillMs, eventRetriesMax, eventRetryMs, eventsInFlightMax, eventsQueuedMax, eventsRememberedMax,
} from '../limits.ts';
import { Allowance } from './allowance.ts';
import { namespaceOf, newEvent, type Occurrence, referenceTo, samenessOf, speakerOf } from './event-shape.ts';
import type { EventSource, EventType, Recorder } from './recorder.ts';

export interface EventRecorderParts {
  readonly verbs: Pick<Verbs, 'create' | 'modify'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Once it aborts, what was not written is given up. */
  readonly over?: AbortSignal;
}

interface Pending {
  readonly occurrence: Occurrence;
  readonly firstMs: number;
  lastMs: number;
  count: number;
}

/** Bits of randomness in a name's suffix beside the time, against two controllers in one millisecond. */
const suffixRandomMax = 0x100000;

export class EventRecorder implements Recorder {
  readonly #parts: EventRecorderParts;
  readonly #allowance = new Allowance({ burst: eventBurstPerObject, refillMs: eventRefillMs, speakersMax: eventsRememberedMax });
  readonly #pending = new Map<string, Pending>();
  readonly #writing = new Set<string>();
  /** Sameness -> key of the Event that tells it; in order of last use. */
  readonly #written = new Map<string, string>();
  #dropped = 0;
  #waiting: (() => void)[] = [];

  constructor(parts: EventRecorderParts) {
    this.#parts = parts;
  }

  /** Occurrences that were not written since the start: too many about one object, or too many at once. */
  get dropped(): number {
    return this.#dropped;
  }

  record(about: KubeObject | ObjectReference, type: EventType, reason: string, message: string, source: EventSource): void {
    const occurrence: Occurrence = { about: referenceTo(about), type, reason, message, source };
    const nowMs = this.#parts.clock.nowMs();
    const sameness = samenessOf(occurrence);
    const pending = this.#pending.get(sameness);
    if (pending !== undefined) {
      pending.count += 1;
      pending.lastMs = nowMs;
    } else if (this.#pending.size >= eventsQueuedMax || !this.#allowance.take(speakerOf(occurrence), nowMs)) {
      this.#dropped += 1;
    } else {
      this.#pending.set(sameness, { occurrence, firstMs: nowMs, lastMs: nowMs, count: 1 });
      setImmediate(() => this.#pump());
    }
  }

  /** Resolves when everything recorded so far is written or given up. */
  flushed(): Promise<void> {
    if (this.#pending.size + this.#writing.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #pump(): void {
    for (const [sameness, pending] of this.#pending) {
      if (this.#writing.size >= eventsInFlightMax) return;
      if (this.#writing.has(sameness)) continue;
      this.#pending.delete(sameness);
      this.#writing.add(sameness);
      void this.#deliver(sameness, pending);
    }
    if (this.#pending.size + this.#writing.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  async #deliver(sameness: string, pending: Pending): Promise<void> {
    const { clock, log, over } = this.#parts;
    try {
      for (let attempt = 1; ; attempt += 1) {
        try {
          await this.#write(sameness, pending);
          return;
        } catch (error) {
          if (!isApiError(error, 'ServiceUnavailable') || attempt >= eventRetriesMax || over?.aborted) throw error;
          await clock.sleep(eventRetryMs * attempt);
        }
      }
    } catch (error) {
      this.#dropped += pending.count;
      // Its namespace is going or gone: nobody is left to tell.
      if (!isApiError(error, 'Forbidden') && !isApiError(error, 'NotFound') && !over?.aborted) {
        log.warn('event not written', { reason: pending.occurrence.reason, error });
      }
    } finally {
      this.#writing.delete(sameness);
      this.#pump();
    }
  }

  async #write(sameness: string, pending: Pending): Promise<void> {
    const key = this.#written.get(sameness);
    if (key === undefined || !(await this.#countUp(key, pending))) await this.#create(sameness, pending);
  }

  async #create(sameness: string, { occurrence, count, firstMs, lastMs }: Pending): Promise<void> {
    const { verbs, random, clock } = this.#parts;
    const noise = Math.floor(random.next() * suffixRandomMax).toString(16).padStart(5, '0');
    const event = newEvent(occurrence, `${clock.nowMs().toString(16)}${noise}`, count, firstMs, lastMs);
    await verbs.create(eventKind, namespaceOf(occurrence), event, this.#as(occurrence));
    this.#remember(sameness, `${event.metadata.namespace}/${event.metadata.name}`);
  }

  /** False when the event has expired. */
  async #countUp(key: string, { occurrence, count, lastMs }: Pending): Promise<boolean> {
    try {
      await this.#parts.verbs.modify<Event>(
        eventKind,
        key,
        (present) => ({ ...present, count: (present.count ?? 1) + count, lastTimestamp: timestamp(lastMs) }),
        this.#as(occurrence),
      );
      this.#remember(samenessOf(occurrence), key);
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return false;
      throw error;
    }
  }

  #remember(sameness: string, key: string): void {
    this.#written.delete(sameness);
    this.#written.set(sameness, key);
    if (this.#written.size <= eventsRememberedMax) return;
    for (const oldest of this.#written.keys()) {
      this.#written.delete(oldest);
      return;
    }
  }

  #as({ source }: Occurrence): WriteOptions {
    return { user: { name: `system:controller:${source.component}`, groups: ['system:masters'] }, fieldManager: source.component };
  }
}
