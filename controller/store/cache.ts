/**
 * The watch cache: every object in memory, kept in step by one watch of etcd, read by everybody.
 *
 *     range at R ──► watch from R+1 ──events──► objects ─► history ─► revision ─► loops ─► clients ─► who waits
 *          ▲                │
 *          └── compacted ───┘   the difference goes to the loops as changes; clients are told to list again
 *
 * Invariants: `revision` moves only after all changes up to it are in the objects and the history, and nothing
 * else runs in between, so a reader never sees half a transaction. The objects are always those of one revision,
 * an old one while etcd is away.
 */
import { unavailable } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import { assert } from '../../proto/process/assert.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { cacheNudgeMs, cacheReachedTimeoutMs, etcdReconnectMsMax, historyEventsMax, watcherEventsMax } from '../limits.ts';
import { Arrivals } from './arrivals.ts';
import { changesOfEvents, changesOfRange, type DecodedChanges } from './changes.ts';
import { Fanout } from './fanout.ts';
import { History } from './history.ts';
import { createKeyParser, type KeyParser, objectsPrefix, rootPrefix, tickKey } from './keys.ts';
import { KindObjects } from './kind-objects.ts';
import { type Kv, type KvEvent, type KvRange, KvUnavailable, type KvWatch } from './kv.ts';
import type { ChangeWatcher, IndexName, Reader, Subscription } from './reader.ts';
import { revisionEnd } from './revisions.ts';
import { SharedCall } from './shared-call.ts';
import type { Change, Stored } from './stored.ts';
import { Watcher } from './watcher.ts';

export interface CacheOptions {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly kinds: readonly Kind[];
}

interface OfKind {
  readonly objects: KindObjects;
  readonly history: History;
}

export class Cache implements Reader {
  readonly #options: CacheOptions;
  readonly #parse: KeyParser;
  readonly #kinds: ReadonlyMap<Kind, OfKind>;
  readonly #fanout = new Fanout();
  readonly #arrivals: Arrivals;
  readonly #etcdRevision: SharedCall<number>;
  readonly #closing = new AbortController();
  #watch: KvWatch | undefined;
  #revision = 0;
  #connected = false;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#parse = createKeyParser(options.kinds);
    this.#kinds = new Map(
      options.kinds.map((kind) => [kind, { objects: new KindObjects(), history: new History(historyEventsMax, 0) }]),
    );
    this.#arrivals = new Arrivals(options.clock);
    this.#etcdRevision = new SharedCall(() => options.kv.revision());
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether the watch of etcd is up; reads are served either way. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Reads everything and follows it from there. Waits, with a line in the log, while etcd is away. */
  async start(signal?: AbortSignal): Promise<void> {
    const range = await this.#readAll(signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal);
    this.#takeRange(range);
  }

  close(): void {
    this.#closing.abort(new Error('the store is closed'));
    this.#watch?.close();
    this.#fanout.endWatchers('closed');
  }

  get<T extends KubeObject>(kind: Kind, key: string): Stored<T> | undefined {
    return this.#of(kind).objects.get(key) as Stored<T> | undefined;
  }

  list<T extends KubeObject>(kind: Kind, namespace?: string): readonly Stored<T>[] {
    const { objects } = this.#of(kind);
    return (namespace === undefined ? objects.list() : objects.indexed('namespace', namespace)) as readonly Stored<T>[];
  }

  indexed<T extends KubeObject>(kind: Kind, index: IndexName, value: string): readonly Stored<T>[] {
    return this.#of(kind).objects.indexed(index, value) as readonly Stored<T>[];
  }

  async current(signal?: AbortSignal): Promise<void> {
    let revision: number;
    try {
      revision = revisionEnd(await this.#etcdRevision.run());
    } catch (error) {
      if (error instanceof KvUnavailable) throw unavailable('etcd cannot be reached');
      throw error;
    }
    if (revision <= this.#revision) return;
    const nudge = this.#options.clock.after(cacheNudgeMs, () => void this.#nudge());
    try {
      await this.reached(revision, signal);
    } finally {
      nudge.cancel();
    }
  }

  async reached(revision: number, signal?: AbortSignal): Promise<void> {
    if (revision > this.#revision) await this.#arrivals.wait(revision, cacheReachedTimeoutMs, signal);
  }

  watch(kind: Kind, revision: number, namespace?: string): ChangeWatcher {
    const missed = this.#of(kind).history.since(revision);
    const watcher = new Watcher({
      namespace,
      revision,
      eventsMax: watcherEventsMax,
      seen: () => this.#revision,
      onClose: (closed) => this.#fanout.removeWatcher(kind, closed),
    });
    if (missed === undefined) {
      watcher.end('expired');
      return watcher;
    }
    watcher.offer(missed);
    this.#fanout.addWatcher(kind, watcher);
    return watcher;
  }

  subscribe(kinds: readonly Kind[], onChanges: (changes: readonly Change[]) => void): Subscription {
    const existing = kinds.flatMap((kind) => this.list(kind));
    const subscription = this.#fanout.subscribe(kinds, onChanges);
    if (existing.length > 0) onChanges(existing.map((stored): Change => ({ type: 'ADDED', stored, previous: undefined })));
    return subscription;
  }

  #of(kind: Kind): OfKind {
    const found = this.#kinds.get(kind);
    assert(found, `the cache holds ${kind.plural}`);
    return found;
  }

  /** The range of all objects; tries until etcd answers. */
  async #readAll(signal: AbortSignal): Promise<KvRange> {
    const { kv, clock, log, random } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await kv.range(objectsPrefix);
      } catch (error) {
        if (!(error instanceof KvUnavailable)) throw error;
        signal.throwIfAborted();
        if (attempt === 0) log.warn('waiting for etcd', { error: error.cause ?? error });
        await clock.sleep(etcdReconnectMsMax * (0.25 + random.next() / 2), signal);
      }
    }
  }

  #takeRange({ entries, revision }: KvRange): void {
    const held = [...this.#kinds.values()].flatMap(({ objects }) => objects.list());
    const decoded = changesOfRange(entries, revision, this.#parse, this.#present, held);
    // What happened between two reads is unknown: no client may resume across the gap.
    for (const { history } of this.#kinds.values()) history.reset(revisionEnd(revision));
    this.#take(decoded, revision, false);
    this.#fanout.endWatchers('expired');
    this.#watch?.close();
    this.#watch = this.#options.kv.watch(rootPrefix, revision + 1, {
      onEvents: (events) => this.#takeEvents(events),
      onCompacted: () => void this.#reread(),
      onConnection: (connected) => this.#setConnected(connected),
    });
  }

  #takeEvents(events: readonly KvEvent[]): void {
    const last = events.at(-1);
    if (!last) return;
    const decoded = changesOfEvents(events, this.#parse, this.#present);
    this.#take(decoded, last.type === 'put' ? last.entry.modRevision : last.revision, true);
  }

  #take({ changes, unreadable }: DecodedChanges, modRevision: number, resumable: boolean): void {
    for (const key of unreadable) this.#options.log.error('a stored value is not an object', { key });
    for (const change of changes) {
      const { objects, history } = this.#of(change.stored.kind);
      if (change.type === 'DELETED') objects.delete(change.stored.key);
      else objects.set(change.stored);
      if (resumable) history.add(change);
    }
    this.#revision = revisionEnd(modRevision);
    if (changes.length > 0) {
      this.#fanout.toSubscribers(changes);
      if (resumable) this.#fanout.toWatchers(changes);
    }
    this.#arrivals.reached(this.#revision);
  }

  async #reread(): Promise<void> {
    this.#options.log.warn('the watch position was compacted away; reading everything again');
    this.#setConnected(false);
    try {
      this.#takeRange(await this.#readAll(this.#closing.signal));
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    }
  }

  /** Makes an event when etcd's revision was moved by writes that our watch does not see. */
  async #nudge(): Promise<void> {
    try {
      await this.#options.kv.txn([{ key: tickKey, value: Buffer.alloc(0), expectedRevision: undefined }]);
    } catch (error) {
      // Whoever waits is answered with a timeout.
      this.#options.log.debug('the cache could not be nudged', { error });
    }
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected || this.#closing.signal.aborted) return;
    this.#connected = connected;
    if (connected) this.#options.log.info('following etcd', { revision: this.#revision });
    else this.#options.log.warn('etcd went away; reads are served from memory');
  }

  readonly #present = ({ kind, key }: Pick<Stored, 'kind' | 'key'>): Stored | undefined => this.#of(kind).objects.get(key);
}
