/** `Kv` over the network: etcd's v3 API. */
import type { ICompare, IKeyValue, IRequestOp } from 'etcd3';
import { assert } from '../../proto/process/assert.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { etcdRangeTimeoutMs, rangePageEntriesMax, txnOperationsMax } from '../limits.ts';
import { EtcdAnswerTooLarge, EtcdClient, EtcdCompacted, type EtcdTls } from './etcd-client.ts';
import { entryOf, prefixEnd } from './etcd-entry.ts';
import { EtcdWatch } from './etcd-watch.ts';
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

const guards = (writes: readonly KvWrite[]): ICompare[] =>
  writes.flatMap(({ key, expectedRevision }) =>
    expectedRevision === undefined
      ? []
      : [{ key: Buffer.from(key), target: 'Mod', result: 'Equal', mod_revision: expectedRevision } satisfies ICompare],
  );

const fenceGuard = ({ key, createRevision }: KvFence): ICompare => ({ key: Buffer.from(key), target: 'Create', result: 'Equal', create_revision: createRevision });

/** Keys without their values. */
const look = (key: string): IRequestOp => ({ request_range: { key: Buffer.from(key), keys_only: true } });

class EtcdKv implements Kv {
  readonly #etcd: EtcdClient;
  readonly #options: EtcdKvOptions;
  readonly #watches = new Set<KvWatch>();

  constructor(options: EtcdKvOptions) {
    this.#options = options;
    this.#etcd = new EtcdClient(options.endpoints, options.tls, options.clock);
  }

  async get(key: string): Promise<KvEntry | undefined> {
    const answer = await this.#etcd.read((client, options) => client.kv.range({ key: Buffer.from(key) }, options));
    const kv = answer.kvs[0];
    return kv && entryOf(kv);
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
    const entries: KvEntry[] = [];
    const end = prefixEnd(prefix);
    let key = Buffer.from(prefix);
    let limit = rangePageEntriesMax;
    let revision = 0;
    for (;;) {
      const request = { key, range_end: end, limit, revision };
      let page: { kvs: IKeyValue[]; more: boolean; header: { revision: string } };
      try {
        page = await this.#etcd.read((client, options) => client.kv.range(request, options), etcdRangeTimeoutMs);
      } catch (error) {
        if (!(error instanceof EtcdAnswerTooLarge) || limit === 1) throw error;
        limit = Math.ceil(limit / 4);
        continue;
      }
      if (revision === 0) revision = Number(page.header.revision);
      for (const kv of page.kvs) entries.push(entryOf(kv));
      const last = page.kvs.at(-1);
      if (!page.more || !last) return { entries, revision };
      key = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  async revision(): Promise<number> {
    // Any linearizable read brings the revision in its header; a key that nobody writes costs least.
    const answer = await this.#etcd.read((client, options) => client.kv.range({ key: Buffer.of(0), keys_only: true }, options));
    return Number(answer.header.revision);
  }

  async txn(writes: readonly KvWrite[], fence?: KvFence): Promise<KvTxnResult> {
    assert(writes.length > 0 && writes.length <= txnOperationsMax, 'a transaction has 1 to txnOperationsMax writes');
    const request = {
      compare: [...guards(writes), ...(fence ? [fenceGuard(fence)] : [])],
      success: writes.map(operation),
      // The fence comes last, so that the writes keep their places.
      failure: [...writes.map(({ key }) => look(key)), ...(fence ? [look(fence.key)] : [])],
    };
    try {
      const answer = await this.#etcd.call((client, options) => client.kv.txn(request, options));
      const revision = Number(answer.header.revision);
      if (answer.succeeded) return { succeeded: true, revision };
      const keys = answer.responses.map(({ response_range }) => response_range.kvs[0]);
      const revisions = keys.slice(0, writes.length).map((kv) => Number(kv?.mod_revision ?? 0));
      const fenced = fence !== undefined && Number(keys.at(-1)?.create_revision ?? 0) !== fence.createRevision;
      return { succeeded: false, revision, revisions, ...(fenced ? { fenced } : {}) };
    } catch (error) {
      // For a write this code means that etcd is out of space: it serves reads alone until someone helps it.
      if (error instanceof EtcdAnswerTooLarge) throw new KvUnavailable('etcd takes no writes', { cause: error });
      throw error;
    }
  }

  watch(prefix: string, fromRevision: number, handlers: KvWatchHandlers): KvWatch {
    const { log, clock, random } = this.#options;
    const watch = new EtcdWatch(prefix, fromRevision, handlers, { etcd: this.#etcd, log, clock, random });
    this.#watches.add(watch);
    return {
      close: () => {
        this.#watches.delete(watch);
        watch.close();
      },
    };
  }

  async grantLease(ttlSeconds: number): Promise<string> {
    const answer = await this.#etcd.read((client, options) => client.leaseClient.leaseGrant({ TTL: ttlSeconds }, options));
    return answer.ID;
  }

  async keepLease(lease: string): Promise<number> {
    return this.#etcd.read(async (client, options) => {
      const stream = await client.leaseClient.leaseKeepAlive(options);
      const { promise, resolve, reject } = Promise.withResolvers<number>();
      stream.on('data', (answer) => resolve(Number(answer.TTL)));
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('the stream ended without an answer')));
      stream.write({ ID: lease });
      try {
        return await promise;
      } finally {
        stream.end();
      }
    });
  }

  async revokeLease(lease: string): Promise<void> {
    try {
      await this.#etcd.read((client, options) => client.leaseClient.leaseRevoke({ ID: lease }, options));
    } catch (error) {
      if (!(error instanceof KvLeaseNotFound)) throw error;
    }
  }

  async compact(revision: number): Promise<void> {
    try {
      await this.#etcd.call((client, options) => client.kv.compact({ revision }, options));
    } catch (error) {
      if (!(error instanceof EtcdCompacted)) throw error;
    }
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close();
    this.#watches.clear();
    this.#etcd.close();
  }
}

/** Connects when first used; throws nothing when etcd is away, its calls do (KvUnavailable). */
export const createEtcdKv = (options: EtcdKvOptions): Kv => new EtcdKv(options);
