/**
 * Liveness as etcd sees it: the set of node leases that exist, kept by one watch.
 *
 * While etcd is away nothing arrives, so the last answer holds and nobody is called dead; etcd itself prolongs all leases
 * when it comes back. One that only stood still lets them run out at once, and the heartbeats that waited for it bring them
 * back at once: so a lease has to be gone for a moment before its node is. When this process was cut off from etcd or stood still,
 * the leases of the nodes whose sessions are here ran out although the nodes were heard: then the moment is long enough for a heartbeat.
 * Before the first read there is no answer at all: `ready` is false.
 */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { Kv, KvEvent, KvWatch } from '../store/kv.ts';
import { KvUnavailable } from '../store/kv.ts';
import type { Subscription } from '../store/reader.ts';
import { leaseGoneConfirmMs, leaseReturnGraceMs, leaseWatchRetryMsMax, leaseWatchRetryMsMin, stillnessCheckMs, stillnessMs } from '../limits.ts';
import { nodeLeasePrefix } from './leases.ts';
import type { Liveness } from './liveness.ts';

export class LeaseWatch implements Liveness {
  readonly #parts: { readonly kv: Kv; readonly clock: Clock; readonly random: Random; readonly log: Log };
  readonly #subscribers = new Set<(nodeName: string) => void>();
  readonly #closed = new AbortController();
  #alive = new Set<string>();
  /** Nodes whose leases are gone, but not yet for long enough. */
  readonly #leaving = new Map<string, Timer>();
  #watch: KvWatch | undefined;
  #ready = false;
  #connected = true;
  /** When this process last looked whether it stood still. */
  #lookedMs: number;
  #look: Timer | undefined;
  /** Until then a lease that is gone says little. */
  #doubtfulUntilMs = 0;

  constructor(parts: { readonly kv: Kv; readonly clock: Clock; readonly random: Random; readonly log: Log }) {
    this.#parts = parts;
    this.#lookedMs = parts.clock.monotonicMs();
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Reads the leases and watches them from there; waits while etcd is away. */
  async start(): Promise<void> {
    this.#lookedMs = this.#parts.clock.monotonicMs();
    this.#look ??= this.#parts.clock.every(stillnessCheckMs, () => this.#notice());
    const limits = { initialMs: leaseWatchRetryMsMin, maxMs: leaseWatchRetryMsMax };
    for (let failures = 1; !this.#closed.signal.aborted; failures += 1) {
      try {
        await this.#read();
        return;
      } catch (error) {
        if (!(error instanceof KvUnavailable)) throw error;
        const delayMs = backoffMs(failures, limits) * (0.5 + this.#parts.random.next() / 2);
        await this.#parts.clock.sleep(delayMs, this.#closed.signal).catch(() => undefined);
      }
    }
  }

  close(): void {
    this.#closed.abort();
    this.#watch?.close();
    this.#look?.cancel();
    this.#forgetLeaving();
    this.#subscribers.clear();
  }

  isAlive(nodeName: string): boolean {
    return this.#alive.has(nodeName);
  }

  subscribe(onChange: (nodeName: string) => void): Subscription {
    this.#subscribers.add(onChange);
    return { close: () => void this.#subscribers.delete(onChange) };
  }

  async #read(): Promise<void> {
    const { entries, revision } = await this.#parts.kv.range(nodeLeasePrefix);
    if (this.#closed.signal.aborted) return;
    const present = new Set(entries.map(({ key }) => key.slice(nodeLeasePrefix.length)));
    const missing = [...this.#alive].filter((name) => !present.has(name));
    const changed = [...present].filter((name) => !this.#alive.has(name));
    this.#forgetLeaving();
    // In an etcd that was restored, leases are missing of nodes that are heard; they are about to get new ones.
    this.#alive = new Set([...present, ...missing]);
    if (this.#ready) this.#doubt('the leases were read anew');
    this.#ready = true;
    for (const name of missing) this.#leave(name);
    for (const name of changed) this.#tell(name);
    this.#watch = this.#parts.kv.watch(nodeLeasePrefix, revision + 1, {
      onEvents: (events) => {
        for (const event of events) this.#take(event);
      },
      onCompacted: () => {
        this.start().catch((error: unknown) => this.#parts.log.error('node leases cannot be read', { error }));
      },
      onConnection: (connected) => {
        if (connected && !this.#connected) this.#doubt('etcd was away');
        this.#connected = connected;
      },
    });
  }

  /** What waited in sockets while the process stood still may be read before its timers run: so this is asked there, too. */
  #notice(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const stillMs = nowMs - this.#lookedMs - stillnessCheckMs;
    this.#lookedMs = nowMs;
    if (stillMs > stillnessMs) this.#doubt('this process stood still');
  }

  #doubt(why: string): void {
    this.#parts.log.info('nodes get time to be heard again', { why });
    this.#doubtfulUntilMs = this.#parts.clock.monotonicMs() + leaseReturnGraceMs;
    for (const name of this.#leaving.keys()) this.#leave(name);
  }

  #leave(name: string): void {
    this.#leaving.get(name)?.cancel();
    const waitMs = Math.max(leaseGoneConfirmMs, this.#doubtfulUntilMs - this.#parts.clock.monotonicMs());
    this.#leaving.set(name, this.#parts.clock.after(waitMs, () => {
      this.#leaving.delete(name);
      this.#set(name, false);
    }));
  }

  #take(event: KvEvent): void {
    this.#notice();
    const name = (event.type === 'put' ? event.entry.key : event.key).slice(nodeLeasePrefix.length);
    if (event.type === 'delete') {
      this.#leave(name);
      return;
    }
    this.#leaving.get(name)?.cancel();
    this.#leaving.delete(name);
    this.#set(name, true);
  }

  #forgetLeaving(): void {
    for (const timer of this.#leaving.values()) timer.cancel();
    this.#leaving.clear();
  }

  #set(name: string, alive: boolean): void {
    if (this.#alive.has(name) === alive) return;
    if (alive) this.#alive.add(name);
    else this.#alive.delete(name);
    this.#parts.log.info(alive ? 'node is alive' : 'node is gone', { node: name });
    this.#tell(name);
  }

  #tell(nodeName: string): void {
    for (const onChange of this.#subscribers) onChange(nodeName);
  }
}
