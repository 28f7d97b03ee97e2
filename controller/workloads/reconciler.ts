/**
 * The shared shape of the loops: changes become keys, keys are reconciled one by one.
 *
 *     Reader.subscribe ──► keysOf(change) ──► WorkQueue ──► reconcile(key) ──► Verbs
 *           ▲                                                                   │
 *           └───────────────────────────────────────────────────────────────────┘
 *
 * Invariants
 * - Level-triggered: `reconcile` looks at the present state alone, never at what changed; any key may be added at any time.
 * - A write resolves only when the cache has seen it, and a key has one worker at a time. So a reconcile always sees
 *   what the one before it wrote, and no bookkeeping of expected creations and deletions is needed.
 */
import type { Kind } from '../../proto/kinds.ts';
import { WorkQueue } from '../../proto/process/queue.ts';
import { isApiError } from '../../proto/errors.ts';
import { loopRetryInitialMs, loopRetryMaxMs, loopWorkersMax } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import type { Loop, LoopParts } from './loop.ts';

export interface Again {
  /** Reconcile the key again after `delayMs`, if nothing brings it back before. */
  (key: string, delayMs: number): void;
}

export interface Reconciliation {
  readonly name: string;
  /** Kinds whose changes matter. */
  readonly kinds: readonly Kind[];
  /** The keys to look at after a change. Called synchronously for every change, so it must be cheap. */
  keysOf(change: Change): Iterable<string>;
  reconcile(key: string, again: Again, signal: AbortSignal): Promise<void>;
  /** Called when the loop starts, before the first change: forget what an earlier term has left. */
  reset?(): void;
  /** Sources of keys besides changes of objects; unsubscribed on `lost`. */
  attach?(add: (key: string) => void, lost: AbortSignal): void;
}

/** Whether what failed with it can have been written all the same, unseen by the cache. */
const mayBeWritten = (error: unknown): boolean => isApiError(error, 'ServiceUnavailable') || isApiError(error, 'Timeout');

export class Reconciler implements Loop {
  readonly name: string;
  readonly #parts: Pick<LoopParts, 'reader' | 'clock' | 'log'>;
  readonly #reconciliation: Reconciliation;
  readonly #workersMax: number;

  constructor(parts: Pick<LoopParts, 'reader' | 'clock' | 'log'>, reconciliation: Reconciliation, workersMax = loopWorkersMax) {
    this.name = reconciliation.name;
    this.#parts = parts;
    this.#reconciliation = reconciliation;
    this.#workersMax = workersMax;
  }

  start(lost: AbortSignal): void {
    if (lost.aborted) return;
    const { reader, clock } = this.#parts;
    const reconciliation = this.#reconciliation;
    reconciliation.reset?.();
    const again: Again = (key, delayMs) => queue.addAfter(key, delayMs);
    const unsure = new Set<string>();
    const queue = new WorkQueue(
      {
        clock,
        workersMax: this.#workersMax,
        backoff: { initialMs: loopRetryInitialMs, maxMs: loopRetryMaxMs },
        work: async (key, signal) => {
          if (unsure.has(key)) await reader.current(signal);
          unsure.delete(key);
          await reconciliation.reconcile(key, again, signal);
        },
        onFailure: (key, error, retryAfterMs) => {
          if (mayBeWritten(error)) unsure.add(key);
          this.#failed(key, error, retryAfterMs);
        },
      },
      lost,
    );
    const subscription = reader.subscribe(reconciliation.kinds, (changes) => {
      for (const change of changes) for (const key of reconciliation.keysOf(change)) queue.add(key);
    });
    lost.addEventListener('abort', () => subscription.close(), { once: true });
    reconciliation.attach?.((key) => queue.add(key), lost);
  }

  #failed(key: string, error: unknown, retryAfterMs: number): void {
    const { log } = this.#parts;
    // A conflict means that somebody else was faster; looking again is the normal answer.
    if (isApiError(error, 'Conflict')) log.debug('looks again', { key, retryAfterMs });
    else log.warn('reconcile failed', { key, error, retryAfterMs });
  }
}
