/**
 * Keeps alive the etcd leases of the nodes whose sessions are here. A node's lease has one key, whose value says which
 * lease it is, so that the next controller goes on with it instead of starting another.
 */
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { nodeLeaseRenewalMsMin, nodeLeaseTtlSeconds } from '../limits.ts';
import type { Kv, KvEntry } from '../store/kv.ts';
import { KvUnavailable } from '../store/kv.ts';

export const nodeLeasePrefix = '/berth/nodes/';

/** What a node's key says: its lease, and where the controller that has its session is asked by others. */
interface LeaseValue {
  readonly lease?: string;
  readonly controller?: string;
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
  #lease: string | undefined;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #renewing = false;

  /** `onRegained`: the lease had run out and there is a new one, so that the node may have been called dead meanwhile. */
  constructor(nodeName: string, parts: LeaseParts, onRegained: () => void) {
    this.#key = `${nodeLeasePrefix}${nodeName}`;
    this.#parts = parts;
    this.#onRegained = onRegained;
  }

  /** Takes over the lease that the node has, or gives it one. Throws KvUnavailable. */
  async hold(): Promise<void> {
    const { kv, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    const present = valueIn(await kv.get(this.#key));
    const controller = this.#parts.peerAddress?.();
    const goesOn = present.lease !== undefined && (await kv.keepLease(present.lease)) > 0;
    const lease = goesOn && present.lease !== undefined ? present.lease : await kv.grantLease(nodeLeaseTtlSeconds);
    if (!goesOn || present.controller !== controller) {
      await kv.txn([{ key: this.#key, value: Buffer.from(JSON.stringify({ lease, controller })), expectedRevision: undefined, lease }]);
    }
    this.#lease = lease;
    this.#renewedMs = startedMs;
  }

  /** The agent was heard. Never fails: while etcd is away no lease can be kept, and none runs out. */
  beat(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#renewing || this.#lease === undefined || nowMs - this.#renewedMs < nodeLeaseRenewalMsMin) return;
    this.#renewing = true;
    this.#renew(this.#lease, nowMs)
      .catch((error: unknown) => {
        if (!(error instanceof KvUnavailable)) this.#parts.log.warn('node lease not renewed', { key: this.#key, error });
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
