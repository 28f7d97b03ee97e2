/**
 * Keeps alive the etcd leases of the nodes whose sessions are here. A node's lease has one key, whose value says which
 * lease it is, so that the next controller goes on with it instead of starting another.
 *
 *     session begins ──► short lease, kept alive by heartbeats ──silence──► gone: the node is dead
 *            ▲                    │ the agent's connection is closed: its program has ended, and its machine has said so
 *            └── a session ◄── longer lease, kept by nobody ──silence──► gone
 *
 * Whoever writes the key does so only over what he has read or written himself: a session that ends never undoes one that began.
 */
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { agentAwaySecondsMax, nodeLeaseRenewalMsMin, nodeLeaseTtlSeconds } from '../limits.ts';
import type { Kv, KvEntry } from '../store/kv.ts';
import { KvUnavailable } from '../store/kv.ts';

export const nodeLeasePrefix = '/berth/nodes/';

/** What a node's key says: its lease, and where the controller that has its session is asked by others. */
interface LeaseValue {
  readonly lease?: string;
  readonly controller?: string;
  /** The agent is away and its machine is not: the lease is no session's, and none goes on with it. */
  readonly away?: boolean;
}

const valueIn = (entry: KvEntry | undefined): LeaseValue => (entry === undefined ? {} : (JSON.parse(String(entry.value)) as LeaseValue));

export interface LeaseParts {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Log;
  /** Where other controllers ask this one; undefined where there is no such place. */
  readonly peerAddress?: () => string | undefined;
}

/** The lease of one node, for as long as its session is here. It is not revoked at the end: another session may go on with it. */
export class NodeLease {
  readonly #key: string;
  readonly #parts: LeaseParts;
  readonly #onRegained: () => void;
  readonly #over: AbortSignal | undefined;
  #lease: string | undefined;
  /** Of the key, as this session wrote it. */
  #revision = 0;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #renewing = false;

  /**
   * `onRegained`: the lease had run out and there is a new one, so that the node may have been called dead meanwhile.
   * `over`: the session has ended; no lease is taken any more.
   */
  constructor(nodeName: string, parts: LeaseParts, onRegained: () => void, over?: AbortSignal) {
    this.#key = `${nodeLeasePrefix}${nodeName}`;
    this.#parts = parts;
    this.#onRegained = onRegained;
    this.#over = over;
  }

  /** Takes over the lease that the node has, or gives it one. Throws KvUnavailable, the reason of `over`. */
  async hold(): Promise<void> {
    const { kv, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    for (;;) {
      const entry = await kv.get(this.#key);
      const { lease: present, away } = valueIn(entry);
      const goesOn = present !== undefined && !away && (await kv.keepLease(present)) > 0;
      const lease = goesOn ? present : await kv.grantLease(nodeLeaseTtlSeconds);
      // What was read may be that of a session which began, elsewhere too, when this one had ended.
      this.#over?.throwIfAborted();
      if (!(await this.#write({ lease, ...this.#where() }, lease, entry?.modRevision ?? 0))) continue;
      this.#lease = lease;
      this.#renewedMs = startedMs;
      return;
    }
  }

  /**
   * The agent's program has ended, and its machine was there to say so: the node has a while for the next one, since what runs on it
   * runs on. Nothing happens when another session has begun, or when the lease has run out. Throws KvUnavailable.
   */
  async linger(): Promise<void> {
    const { kv } = this.#parts;
    if (this.#lease === undefined || !this.isHeld) return;
    const lease = await kv.grantLease(agentAwaySecondsMax);
    await this.#write({ lease, ...this.#where(), away: true }, lease, this.#revision);
  }

  /** Whether it was kept alive within its time. */
  get isHeld(): boolean {
    return this.#parts.clock.monotonicMs() - this.#renewedMs < nodeLeaseTtlSeconds * 1_000;
  }

  #where(): Pick<LeaseValue, 'controller'> {
    const controller = this.#parts.peerAddress?.();
    return controller === undefined ? {} : { controller };
  }

  /** False when the key is not as it was at that revision. */
  async #write(value: LeaseValue, lease: string, expectedRevision: number): Promise<boolean> {
    const result = await this.#parts.kv.txn([{ key: this.#key, value: Buffer.from(JSON.stringify(value)), expectedRevision, lease }]);
    if (result.succeeded) this.#revision = result.revision;
    return result.succeeded;
  }

  /** The agent was heard. Never fails: while etcd is away no lease can be kept, and none runs out. */
  beat(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#renewing || this.#lease === undefined || nowMs - this.#renewedMs < nodeLeaseRenewalMsMin) return;
    this.#renewing = true;
    this.#renew(this.#lease, nowMs)
      .catch((error: unknown) => {
        if (!(error instanceof KvUnavailable) && !this.#over?.aborted) this.#parts.log.warn('node lease not renewed', { key: this.#key, error });
      })
      .finally(() => {
        this.#renewing = false;
      });
  }

  async #renew(lease: string, nowMs: number): Promise<void> {
    if ((await this.#parts.kv.keepLease(lease)) > 0) {
      this.#renewedMs = nowMs;
      return;
    }
    await this.hold();
    this.#onRegained();
  }
}
