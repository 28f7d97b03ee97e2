/**
 * Keeps to the epoch that etcd is in. Every controller reads the same record; the one that first sees another history writes the
 * next, in a transaction that holds only while the record is as it was read.
 *
 *     unknown ──look──► known ──look: the same──► known ──look: another history──► the next one known, owners told
 */
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { type Epoch, epochOf, type Sighting } from './epoch.ts';
import { type CallOptions, type EtcdClient, refusedWrite } from './etcd-client.ts';
import { epochKey } from './keys.ts';
import { KvUnavailable } from './kv.ts';
import { SharedCall } from './shared-call.ts';

/** An epoch with its record's mod revision, etcd's own, for guards. */
export interface RecordedEpoch {
  readonly epoch: Epoch;
  readonly modRevision: number;
}

interface Look extends Sighting {
  /** The record's mod revision; 0 when there is none. */
  readonly modRevision: number;
}

type Client = ReturnType<EtcdClient['current']>['client'];

/** All at one endpoint. The second call is linearizable: what its member had committed before is applied then, and what it has applied is committed after. */
const sight = async (client: Client, options: CallOptions): Promise<Look> => {
  const before = await client.maintenance.status(options);
  const { header, kvs } = await client.kv.range({ key: Buffer.from(epochKey) }, options);
  const after = await client.maintenance.status(options);
  const revision = Number(header.revision);
  return {
    clusterId: String(header.cluster_id),
    revision,
    leadMin: Number(before.raftIndex) - revision,
    leadMax: Number(after.raftIndex) - revision,
    recorded: kvs[0] && (JSON.parse(kvs[0].value.toString()) as Epoch),
    modRevision: Number(kvs[0]?.mod_revision ?? 0),
  };
};

export interface EpochsOptions {
  readonly etcd: EtcdClient;
  readonly clock: Clock;
  readonly log: Log;
  /** etcd was restored: what was read before is of another history. */
  readonly onNext: () => void;
}

export class Epochs {
  readonly #options: EpochsOptions;
  readonly #look: SharedCall<void>;
  #current: RecordedEpoch | undefined;
  #lead = 0;
  #seen = 0;

  constructor(options: EpochsOptions) {
    this.#options = options;
    this.#look = new SharedCall(() => this.#settle());
  }

  get current(): RecordedEpoch | undefined {
    return this.#current;
  }

  /** The largest revision that was seen, with its offset. */
  get seen(): number {
    return this.#seen;
  }

  /** The epoch as it was last looked at. Throws KvUnavailable. */
  async known(): Promise<RecordedEpoch> {
    if (!this.#current) await this.look();
    if (!this.#current) throw new KvUnavailable('etcd has not been seen yet');
    return this.#current;
  }

  /** Looks at etcd now; afterwards `current` is the epoch that it is in. Throws KvUnavailable. */
  look(): Promise<void> {
    return this.#look.run();
  }

  /** Notes that something was seen at a revision of the current epoch. */
  sawRevision(revision: number): void {
    if (revision > this.#seen) this.#seen = revision;
  }

  async #settle(): Promise<void> {
    const { etcd, clock } = this.#options;
    for (;;) {
      const known = this.#current && { epoch: this.#current.epoch, lead: this.#lead, seen: this.#seen };
      const found = await etcd.read(sight);
      const epoch = epochOf(found, known, clock.nowMs());
      if (epoch === found.recorded) return this.#enter({ epoch, modRevision: found.modRevision }, found.leadMin);
      const modRevision = await this.#record(epoch, found.modRevision);
      if (modRevision !== undefined) return this.#enter({ epoch, modRevision }, found.leadMin);
      // Another controller was first: what it wrote is read.
    }
  }

  /** Resolves to the record's mod revision, or to undefined when it is no longer as it was read. */
  async #record(epoch: Epoch, readRevision: number): Promise<number | undefined> {
    const key = Buffer.from(epochKey);
    const answer = await this.#options.etcd.call((client, options) => client.kv.txn({
      compare: [{ key, target: 'Mod', result: 'Equal', mod_revision: readRevision }],
      success: [{ request_put: { key, value: Buffer.from(JSON.stringify(epoch)) } }],
    }, options)).catch((error: unknown) => {
      throw refusedWrite(error);
    });
    return answer.succeeded ? Number(answer.header.revision) : undefined;
  }

  #enter(next: RecordedEpoch, lead: number): void {
    const before = this.#current;
    this.#current = next;
    const goesOn = before?.epoch.offset === next.epoch.offset;
    this.#lead = goesOn ? Math.max(this.#lead, lead) : lead;
    if (!before || goesOn) return;
    this.#options.log.warn('etcd was restored: its history is another one, and revisions go on above those of before', { offset: next.epoch.offset });
    this.#options.onNext();
  }
}
