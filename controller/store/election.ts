/**
 * Which controller leads: the one whose lease holds the election's key.
 *
 *     waiting ──key absent, created by us──► leading ──renewal not proven in time, key lost, lead returned──► waiting
 *        ▲ │                                    │
 *        └─┘ watches the key until it goes      └── signal: the lease is revoked, the next one leads at once
 *
 * Invariant: `lost` aborts before the lease can have expired at etcd, because its end is counted from the moment
 * at which the last successful renewal was sent. A process that was stopped meanwhile cannot know; its writes are
 * refused by etcd, since they carry the term's fence (fence.ts).
 */
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { electionRetryMs } from '../limits.ts';
import type { Fence } from './fence.ts';
import { type Kv, KvLeaseNotFound, KvUnavailable } from './kv.ts';

export interface ElectionOptions {
  readonly kv: Kv;
  /** etcd key, e.g. `/berth/election/loops`. */
  readonly key: string;
  /** Who we are; for people who look at the key. */
  readonly id: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ttlSeconds: number;
}

/** One leadership, from winning to losing. */
export interface Term {
  /** Aborts when it ends. */
  readonly lost: AbortSignal;
  /** Part of every transaction that is written in this term; a broken one ends it. */
  readonly fence: Fence;
  /** Ends it, for who finds that it can be no more. */
  readonly resign: (why: string) => void;
}

/** The election waits for the promise before it goes on. */
export type Lead = (term: Term) => Promise<void>;

const isTransient = (error: unknown): boolean => error instanceof KvUnavailable || error instanceof KvLeaseNotFound;

export class Election {
  readonly #options: ElectionOptions;

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  /** `lead` runs until its term is lost. Campaigns, leads, and campaigns again until `signal` aborts; then steps down and resolves. Errors of `lead` are thrown. */
  async run(signal: AbortSignal, lead: Lead): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#campaign(signal, lead);
      } catch (error) {
        if (signal.aborted) return;
        if (!isTransient(error)) throw error;
        log.debug('the election waits for etcd', { error });
        await clock.sleep(electionRetryMs, signal).catch(() => undefined);
      }
    }
  }

  async #campaign(signal: AbortSignal, lead: Lead): Promise<void> {
    const { kv, key, id, clock, ttlSeconds } = this.#options;
    const sentMs = clock.monotonicMs();
    const lease = await kv.grantLease(ttlSeconds);
    let takenAt: number | undefined;
    try {
      const result = await kv.txn([{ key, value: Buffer.from(id), expectedRevision: 0, lease }]);
      if (result.succeeded) await this.#lead(lease, sentMs, result.revision, signal, lead);
      else takenAt = result.revision;
    } finally {
      // So that the next leader need not wait; when etcd is away the lease ends by itself.
      await kv.revokeLease(lease).catch((error: unknown) => {
        if (!isTransient(error)) throw error;
      });
    }
    if (takenAt !== undefined) await this.#untilGone(takenAt + 1, signal);
  }

  async #lead(lease: string, sentMs: number, createRevision: number, signal: AbortSignal, lead: Lead): Promise<void> {
    const { kv, key, log } = this.#options;
    const lost = new AbortController();
    const lose = (why: string): void => {
      if (lost.signal.aborted) return;
      log.warn('no longer leading', { why });
      lost.abort(new Error(`leadership lost: ${why}`));
    };
    const onAbort = (): void => lost.abort(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const watch = kv.watch(key, createRevision + 1, {
      onEvents: (events) => {
        if (events.some((event) => (event.type === 'put' ? event.entry.key : event.key) === key)) lose('the key was taken away');
      },
      // Whose the key is in another history of etcd is for a new campaign to find out.
      onCompacted: () => lose('the key is no longer watched'),
      onConnection: () => undefined,
    });
    log.info('leading', { createRevision });
    const ended = new AbortController();
    const renewing = this.#renew(lease, sentMs, lose, AbortSignal.any([lost.signal, ended.signal]));
    try {
      await lead({ lost: lost.signal, fence: { key, createRevision, onBroken: () => lose('a write was refused: another one leads') }, resign: lose });
    } finally {
      ended.abort();
      await renewing;
      watch.close();
      signal.removeEventListener('abort', onAbort);
      log.info('stepped down');
    }
  }

  /** Renews a third of the way through the lease, again and again; loses in time when that cannot be proven. */
  async #renew(lease: string, sentMs: number, lose: (why: string) => void, signal: AbortSignal): Promise<void> {
    const { kv, clock, ttlSeconds } = this.#options;
    const ttlMs = ttlSeconds * 1_000;
    // A tenth is left for the loops to notice, and for clocks that run at different speeds.
    const expire = (provenMs: number) =>
      clock.after(provenMs + ttlMs * 0.9 - clock.monotonicMs(), () => lose('the lease could not be renewed in time'));
    let expiry = expire(sentMs);
    try {
      let delayMs = ttlMs / 3;
      while (!signal.aborted) {
        await clock.sleep(delayMs, signal);
        const renewedMs = clock.monotonicMs();
        try {
          if ((await kv.keepLease(lease)) <= 0) {
            lose('the lease expired');
            return;
          }
          expiry.cancel();
          expiry = expire(renewedMs);
          delayMs = ttlMs / 3;
        } catch (error) {
          if (!isTransient(error)) throw error;
          delayMs = ttlMs / 10;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      expiry.cancel();
    }
  }

  /** Resolves when the key is deleted after `fromRevision`, or the position is lost; throws when `signal` aborts. */
  async #untilGone(fromRevision: number, signal: AbortSignal): Promise<void> {
    const { kv, key } = this.#options;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const watch = kv.watch(key, fromRevision, {
      onEvents: (events) => {
        if (events.some((event) => event.type === 'delete' && event.key === key)) resolve();
      },
      onCompacted: resolve,
      onConnection: () => undefined,
    });
    try {
      await promise;
    } finally {
      watch.close();
      signal.removeEventListener('abort', onAbort);
    }
  }
}
