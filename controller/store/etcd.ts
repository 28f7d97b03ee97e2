/**
 * `Kv` over the network: etcd's v3 API. Revisions leave with the offset of the epoch they are of and come back without it (epoch.ts).
 *
 * Invariants: every transaction holds only while the epoch's record is the one that its revisions were counted by; an answer that is
 * not of the epoch in which the question was asked reaches nobody.
 */
import type { ICompare, IKeyValue, IRequestOp } from 'etcd3';
import { assert } from '../../proto/process/assert.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { etcdLeaseTimeoutMs, etcdRangeTimeoutMs, rangePageEntriesMax, txnOperationsMax } from '../limits.ts';
import { EtcdAnswerTooLarge, EtcdClient, EtcdCompacted, type EtcdTls, refusedWrite } from './etcd-client.ts';
import { entryOf, etcdRevision, prefixEnd } from './etcd-entry.ts';
import { EtcdWatch } from './etcd-watch.ts';
import { Epochs, type RecordedEpoch } from './epochs.ts';
import { epochKey } from './keys.ts';
import { LeaseStream } from './lease-stream.ts';
import { type Kv, type KvEntry, type KvFence, KvLeaseNotFound, type KvRange, type KvTxnResult, KvUnavailable, type KvWatch, type KvWatchHandlers, type KvWrite } from './kv.ts';

export interface EtcdKvOptions {
  /** `http://host:port` or `https://host:port`, all of one kind. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
}

const operation = ({ key, value, expectedRevision, lease }: KvWrite): IRequestOp => {
  if (value === undefined) return { request_delete_range: { key: Buffer.from(key) } };
  // etcd refuses ignore_lease on a key that is absent; the guard has ruled that out.
  const keeps = lease === undefined && expectedRevision !== undefined && expectedRevision > 0;
  return { request_put: { key: Buffer.from(key), value, ...(lease ? { lease } : {}), ...(keeps ? { ignore_lease: true } : {}) } };
};

const guard = (key: string, modRevision: number): ICompare => ({ key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: modRevision });

const guards = (writes: readonly KvWrite[], offset: number): ICompare[] =>
  writes.flatMap(({ key, expectedRevision }) => (expectedRevision === undefined ? [] : [guard(key, etcdRevision(expectedRevision, offset))]));

/** A question to etcd: when it was asked. */
interface Asked {
  readonly recorded: RecordedEpoch;
  readonly seen: number;
}

const fenceGuard = ({ key, createRevision }: KvFence, offset: number): ICompare =>
  ({ key: Buffer.from(key), target: 'Create', result: 'Equal', create_revision: etcdRevision(createRevision, offset) });

/** Keys without their values. */
const look = (key: string): IRequestOp => ({ request_range: { key: Buffer.from(key), keys_only: true } });

class EtcdKv implements Kv {
  readonly #etcd: EtcdClient;
  readonly #options: EtcdKvOptions;
  readonly #epochs: Epochs;
  readonly #watches = new Set<EtcdWatch>();
  readonly #onRestored = new Set<() => void>();
  /** To the endpoint that is in use for leases. */
  #leases: LeaseStream | undefined;

  constructor(options: EtcdKvOptions) {
    const { endpoints, tls, clock, log } = options;
    this.#options = options;
    this.#etcd = new EtcdClient(endpoints, tls, clock, (used) => {
      for (const watch of Array.from(this.#watches)) watch.leave(used);
    });
    this.#epochs = new Epochs({ etcd: this.#etcd, clock, log, onNext: () => this.#enterNext() });
  }

  restored(listener: () => void): KvWatch {
    this.#onRestored.add(listener);
    return { close: () => void this.#onRestored.delete(listener) };
  }

  #enterNext(): void {
    for (const watch of Array.from(this.#watches)) {
      this.#watches.delete(watch);
      watch.expire();
    }
    for (const listener of Array.from(this.#onRestored)) listener();
  }

  async #ask(): Promise<Asked> {
    const recorded = await this.#epochs.known();
    return { recorded, seen: this.#epochs.seen };
  }

  /** The answer's revision. Throws KvUnavailable when it is of another history than that of the question. */
  #answered({ recorded, seen }: Asked, header: { readonly cluster_id: string; readonly revision: string }): number {
    const { offset, clusterId } = recorded.epoch;
    const revision = Number(header.revision) + offset;
    if (this.#epochs.current !== recorded && this.#epochs.current?.epoch.offset !== offset) throw new KvUnavailable('etcd was restored meanwhile');
    if (String(header.cluster_id) !== clusterId || revision < seen) throw this.#foreign();
    this.#epochs.sawRevision(revision);
    return revision;
  }

  /** For an answer that shows another history; looks what is there now. */
  #foreign(): KvUnavailable {
    this.#epochs.look().catch((error: unknown) => this.#options.log.debug('etcd cannot be looked at', { error }));
    return new KvUnavailable('etcd has another history than before');
  }

  /** Another certificate, for connections from now on. */
  setTls(tls: EtcdTls): void {
    this.#etcd.setTls(tls);
  }

  async get(key: string): Promise<KvEntry | undefined> {
    const asked = await this.#ask();
    const answer = await this.#etcd.read((client, options) => client.kv.range({ key: Buffer.from(key) }, options));
    this.#answered(asked, answer.header);
    const kv = answer.kvs[0];
    return kv && entryOf(kv, asked.recorded.epoch.offset);
  }

  async range(prefix: string): Promise<KvRange> {
    for (;;) {
      try {
        return await this.#rangeOnce(prefix);
      } catch (error) {
        // Compacted between two pages: the pages no longer fit together, so start again.
        if (!(error instanceof EtcdCompacted)) throw error;
      }
    }
  }

  async #rangeOnce(prefix: string): Promise<KvRange> {
    const asked = await this.#ask();
    const { offset } = asked.recorded.epoch;
    const entries: KvEntry[] = [];
    const end = prefixEnd(prefix);
    let key = Buffer.from(prefix);
    let limit = rangePageEntriesMax;
    let revision = 0;
    for (;;) {
      const request = { key, range_end: end, limit, revision };
      let page: { kvs: IKeyValue[]; more: boolean; header: { cluster_id: string; revision: string } };
      try {
        page = await this.#etcd.read((client, options) => client.kv.range(request, options), etcdRangeTimeoutMs);
      } catch (error) {
        if (!(error instanceof EtcdAnswerTooLarge) || limit === 1) throw error;
        limit = Math.ceil(limit / 4);
        continue;
      }
      this.#answered(asked, page.header);
      if (revision === 0) revision = Number(page.header.revision);
      for (const kv of page.kvs) entries.push(entryOf(kv, offset));
      const last = page.kvs.at(-1);
      if (!page.more || !last) return { entries, revision: revision + offset };
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  async revision(): Promise<number> {
    // Any linearizable read brings the revision in its header; a key that nobody writes costs least.
    const asked = await this.#ask();
    const answer = await this.#etcd.read((client, options) => client.kv.range({ key: Buffer.of(0), keys_only: true }, options));
    return this.#answered(asked, answer.header);
  }

  async txn(writes: readonly KvWrite[], fence?: KvFence): Promise<KvTxnResult> {
    assert(writes.length > 0 && writes.length <= txnOperationsMax, 'a transaction has 1 to txnOperationsMax writes');
    const asked = await this.#ask();
    const { epoch: { offset }, modRevision } = asked.recorded;
    const request = {
      compare: [...guards(writes, offset), guard(epochKey, modRevision), ...(fence ? [fenceGuard(fence, offset)] : [])],
      success: writes.map(operation),
      // What guards the whole comes last, so that the writes keep their places.
      failure: [...writes.map(({ key }) => key), epochKey, ...(fence ? [fence.key] : [])].map(look),
    };
    try {
      const answer = await this.#etcd.call((client, options) => client.kv.txn(request, options));
      const revision = this.#answered(asked, answer.header);
      if (answer.succeeded) return { succeeded: true, revision };
      const keys = answer.responses.map(({ response_range }) => response_range.kvs[0]);
      const found = keys.map((kv) => Number(kv?.mod_revision ?? 0));
      if (found[writes.length] !== modRevision) throw this.#foreign();
      const revisions = found.slice(0, writes.length).map((each) => (each === 0 ? 0 : each + offset));
      const fenced = fence !== undefined && Number(keys.at(-1)?.create_revision ?? 0) !== etcdRevision(fence.createRevision, offset);
      return { succeeded: false, revision, revisions, ...(fenced ? { fenced } : {}) };
    } catch (error) {
      throw refusedWrite(error);
    }
  }

  watch(prefix: string, fromRevision: number, handlers: KvWatchHandlers): KvWatch {
    const { log, clock, random } = this.#options;
    const watch = new EtcdWatch(prefix, fromRevision, handlers, { etcd: this.#etcd, epochs: this.#epochs, log, clock, random });
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  async grantLease(ttlSeconds: number): Promise<string> {
    try {
      const answer = await this.#etcd.read((client, options) => client.leaseClient.leaseGrant({ TTL: ttlSeconds }, options));
      return answer.ID;
    } catch (error) {
      throw refusedWrite(error);
    }
  }

  async keepLease(lease: string): Promise<number> {
    return this.#etcd.readBeside((client, { deadline }) => {
      if (this.#leases?.client !== client || this.#leases.isBroken) {
        this.#leases?.close();
        this.#leases = new LeaseStream(client, this.#options.clock);
      }
      return this.#leases.keep(lease, deadline);
    }, etcdLeaseTimeoutMs);
  }

  async revokeLease(lease: string): Promise<void> {
    try {
      await this.#etcd.read((client, options) => client.leaseClient.leaseRevoke({ ID: lease }, options));
    } catch (error) {
      if (!(error instanceof KvLeaseNotFound)) throw error;
    }
  }

  async compact(revision: number): Promise<void> {
    const { recorded } = await this.#ask();
    const known = etcdRevision(revision, recorded.epoch.offset);
    if (known <= 0) return;
    try {
      await this.#etcd.call((client, options) => client.kv.compact({ revision: known }, options));
    } catch (error) {
      if (!(error instanceof EtcdCompacted)) throw error;
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    this.#leases?.close();
    this.#etcd.close();
  }
}

/** Connects when first used; throws nothing when etcd is away, its calls do (KvUnavailable). */
export const createEtcdKv = (options: EtcdKvOptions): Kv & Pick<EtcdKv, 'setTls'> => new EtcdKv(options);
