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

const leaseIn = (entry: KvEntry | undefined): string | undefined => {
  if (entry === undefined) return undefined;
  const value = JSON.parse(String(entry.value)) as { lease?: unknown };
  return typeof value.lease === 'string' ? value.lease : undefined;
};

/** The lease of one node, for as long as its session is here. It is not revoked at the end: another session may go on with it. */
export class NodeLease {
  readonly #key: string;
  readonly #parts: { readonly kv: Kv; readonly clock: Clock; readonly log: Log };
  readonly #onRegained: () => void;
  #lease: string | undefined;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #renewing = false;

  /** `onRegained`: the lease had run out and there is a new one, so that the node may have been called dead meanwhile. */
  constructor(nodeName: string, parts: { readonly kv: Kv; readonly clock: Clock; readonly log: Log }, onRegained: () => void) {
    this.#key = `${nodeLeasePrefix}${nodeName}`;
    this.#parts = parts;
    this.#onRegained = onRegained;
  }

  /** Takes over the lease that the node has, or gives it one. Throws KvUnavailable. */
  async hold(): Promise<void> {
    const { kv, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    const present = leaseIn(await kv.get(this.#key));
    if (present !== undefined && (await kv.keepLease(present)) > 0) this.#lease = present;
    else {
      const lease = await kv.grantLease(nodeLeaseTtlSeconds);
      await kv.txn([{ key: this.#key, value: Buffer.from(JSON.stringify({ lease })), expectedRevision: undefined, lease }]);
      this.#lease = lease;
    }
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
