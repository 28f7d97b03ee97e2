/**
 * One watch of etcd that survives its connection.
 *
 *     connecting ──created──► looking ──same epoch──► open ──error, end, cancel──► waiting (jittered backoff) ──► connecting
 *          └────────────────────────┴── compacted, or another epoch: told to the owner, over ──┘
 *
 * Invariants: events leave in order and by whole revisions, so what a fragment leaves unfinished waits for the next; a new
 * stream starts at the revision after the last event that was handed over, never at a header's revision, which
 * runs ahead of the events during catch-up. What a stream brings waits until etcd has been looked at since: it may have been
 * restored while nobody was connected.
 */
import type { IEvent, IWatchResponse } from 'etcd3';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { etcdReconnectMsMax, etcdReconnectMsMin } from '../limits.ts';
import type { EtcdClient } from './etcd-client.ts';
import { entryOf, etcdRevision, prefixEnd } from './etcd-entry.ts';
import type { Epochs, RecordedEpoch } from './epochs.ts';
import { epochKey } from './keys.ts';
import type { KvEvent, KvWatch, KvWatchHandlers } from './kv.ts';

type Stream = Awaited<ReturnType<ReturnType<EtcdClient['current']>['client']['watchClient']['watch']>>;

const eventOf = ({ type, kv }: IEvent, offset: number): KvEvent =>
  type === 'Delete' || (type as string) === 'DELETE'
    ? { type: 'delete', key: kv.key.toString(), revision: Number(kv.mod_revision) + offset }
    : { type: 'put', entry: entryOf(kv, offset) };

export interface EtcdWatchOptions {
  readonly etcd: EtcdClient;
  readonly epochs: Epochs;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class EtcdWatch implements KvWatch {
  readonly #options: EtcdWatchOptions;
  readonly #prefix: string;
  readonly #handlers: KvWatchHandlers;
  #nextRevision: number;
  /** The epoch that `#nextRevision` is of. */
  #epoch: RecordedEpoch | undefined;
  /** What arrives waits. */
  #looking = false;
  #fragments: IEvent[] = [];
  /** Whether the last of them may have been cut. */
  #isFragment = false;
  #stream: Stream | undefined;
  /** The number of the endpoint that the stream is from. */
  #used: number | undefined;
  #retry: Timer | undefined;
  #connected = false;
  #closed = false;
  #failures = 0;

  constructor(prefix: string, fromRevision: number, handlers: KvWatchHandlers, options: EtcdWatchOptions) {
    this.#options = options;
    this.#prefix = prefix;
    this.#handlers = handlers;
    this.#nextRevision = fromRevision;
    void this.#connect();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#drop();
  }

  /** A call to this endpoint has failed. Its end of a stream may be stopped or cut off, which keepalive would find out much later. */
  leave(used: number): void {
    if (this.#stream && this.#used === used) this.#broken(used, undefined);
  }

  /** The position is worth nothing any more. */
  expire(): void {
    if (this.#closed) return;
    this.close();
    this.#handlers.onCompacted();
  }

  async #connect(): Promise<void> {
    const { client, used } = this.#options.etcd.current();
    try {
      const { epochs } = this.#options;
      this.#epoch ??= await epochs.known();
      if (this.#closed) return;
      const { offset } = this.#epoch.epoch;
      if (this.#nextRevision <= offset || epochs.current?.epoch.offset !== offset) {
        this.expire();
        return;
      }
      const stream = await client.watchClient.watch();
      const onBroken = (error?: Error): void => {
        if (this.#stream === stream) this.#broken(used, error);
      };
      stream.on('data', (response) => {
        if (this.#stream === stream) this.#received(response, onBroken);
      });
      // Also of one that is cancelled below.
      stream.on('error', onBroken);
      stream.on('end', () => onBroken());
      if (this.#closed) {
        stream.cancel();
        return;
      }
      this.#stream = stream;
      this.#used = used;
      if (this.#options.etcd.current().used !== used) {
        this.leave(used);
        return;
      }
      stream.write({
        create_request: {
          key: Buffer.from(this.#prefix),
          range_end: prefixEnd(this.#prefix),
          start_revision: etcdRevision(this.#nextRevision, offset),
          fragment: true,
        },
      });
    } catch (error) {
      this.#broken(used, error as Error);
    }
  }

  #received(response: IWatchResponse, onBroken: (error?: Error) => void): void {
    if (response.canceled) {
      if (Number(response.compact_revision) > 0) {
        this.expire();
      } else {
        onBroken();
      }
      return;
    }
    this.#fragments.push(...response.events);
    this.#isFragment = response.fragment;
    if (response.created) void this.#look(onBroken);
    else if (!this.#looking) this.#handOut(onBroken);
  }

  /** Hands out what has come when etcd is still the one whose revisions we count by; that it is not closes this watch. */
  async #look(onBroken: (error?: Error) => void): Promise<void> {
    const stream = this.#stream;
    this.#looking = true;
    try {
      await this.#options.epochs.look();
    } catch (error) {
      onBroken(error as Error);
      return;
    }
    if (this.#stream !== stream) return;
    this.#looking = false;
    this.#failures = 0;
    this.#setConnected(true);
    this.#handOut(onBroken);
  }

  #handOut(onBroken: (error?: Error) => void): void {
    const { epochs } = this.#options;
    const { modRevision, epoch } = epochs.current as RecordedEpoch;
    const isNewer = ({ kv }: IEvent): boolean => kv.key.length === epochKey.length && kv.key.toString() === epochKey && Number(kv.mod_revision) > modRevision;
    if (this.#fragments.some(isNewer)) {
      // Another controller saw another history first.
      void this.#look(onBroken);
      return;
    }
    // More of the last revision may follow in the next fragment; all before it is complete.
    const unfinished = this.#isFragment ? this.#fragments.at(-1)?.kv.mod_revision : undefined;
    const end = unfinished === undefined ? this.#fragments.length : this.#fragments.findIndex(({ kv }) => kv.mod_revision === unfinished);
    const whole = this.#fragments.splice(0, end);
    const last = whole.at(-1);
    if (!last) return;
    const lastRevision = Number(last.kv.mod_revision) + epoch.offset;
    epochs.sawRevision(lastRevision);
    this.#nextRevision = lastRevision + 1;
    this.#handlers.onEvents(whole.map((event) => eventOf(event, epoch.offset)));
  }

  #broken(used: number, error: Error | undefined): void {
    this.#drop();
    if (this.#closed) return;
    this.#options.etcd.moveOn(used);
    this.#options.log.debug('watch broke', { prefix: this.#prefix, nextRevision: this.#nextRevision, error });
    this.#setConnected(false);
    const delayMsMax = Math.min(etcdReconnectMsMin * 2 ** this.#failures, etcdReconnectMsMax);
    this.#failures = Math.min(this.#failures + 1, 16);
    const delayMs = delayMsMax * (0.5 + this.#options.random.next() / 2);
    this.#retry = this.#options.clock.after(delayMs, () => void this.#connect());
  }

  #drop(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    // Part of a batch is worth nothing: the next stream sends it again from its first revision.
    this.#fragments = [];
    this.#looking = false;
    stream?.cancel();
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#handlers.onConnection(connected);
  }
}
