/**
 * One watch of etcd that survives its connection.
 *
 *     connecting ──created──► open ──error, end, cancel──► waiting (jittered backoff) ──► connecting
 *          └──────────────── compacted: told to the owner, over ────────────────┘
 *
 * Invariants: events leave in order and by whole revisions, so what a fragment leaves unfinished waits for the next; a new
 * stream starts at the revision after the last event that was handed over, never at a header's revision, which
 * runs ahead of the events during catch-up.
 */
import type { IEvent, IWatchResponse } from 'etcd3';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { etcdReconnectMsMax, etcdReconnectMsMin } from '../limits.ts';
import type { EtcdClient } from './etcd-client.ts';
import { entryOf, prefixEnd } from './etcd-entry.ts';
import type { KvEvent, KvWatch, KvWatchHandlers } from './kv.ts';

type Stream = Awaited<ReturnType<ReturnType<EtcdClient['current']>['client']['watchClient']['watch']>>;

const eventOf = ({ type, kv }: IEvent): KvEvent =>
  type === 'Delete' || (type as string) === 'DELETE'
    ? { type: 'delete', key: kv.key.toString(), revision: Number(kv.mod_revision) }
    : { type: 'put', entry: entryOf(kv) };

export interface EtcdWatchOptions {
  readonly etcd: EtcdClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class EtcdWatch implements KvWatch {
  readonly #options: EtcdWatchOptions;
  readonly #prefix: string;
  readonly #handlers: KvWatchHandlers;
  #nextRevision: number;
  #fragments: IEvent[] = [];
  #stream: Stream | undefined;
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

  async #connect(): Promise<void> {
    const { client, used } = this.#options.etcd.current();
    try {
      const stream = await client.watchClient.watch();
      if (this.#closed) {
        stream.cancel();
        return;
      }
      this.#stream = stream;
      const onBroken = (error?: Error): void => {
        if (this.#stream === stream) this.#broken(used, error);
      };
      stream.on('data', (response) => {
        if (this.#stream === stream) this.#received(response, onBroken);
      });
      stream.on('error', onBroken);
      stream.on('end', () => onBroken());
      stream.write({
        create_request: {
          key: Buffer.from(this.#prefix),
          range_end: prefixEnd(this.#prefix),
          start_revision: this.#nextRevision,
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
        this.close();
        this.#handlers.onCompacted();
      } else {
        onBroken();
      }
      return;
    }
    if (response.created) {
      this.#failures = 0;
      this.#setConnected(true);
    }
    this.#fragments.push(...response.events);
    // More of the last revision may follow in the next fragment; all before it is complete.
    const unfinished = response.fragment ? this.#fragments.at(-1)?.kv.mod_revision : undefined;
    const end = unfinished === undefined ? this.#fragments.length : this.#fragments.findIndex(({ kv }) => kv.mod_revision === unfinished);
    const whole = this.#fragments.splice(0, end);
    const last = whole.at(-1);
    if (!last) return;
    this.#nextRevision = Number(last.kv.mod_revision) + 1;
    this.#handlers.onEvents(whole.map(eventOf));
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
    stream?.cancel();
  }

  #setConnected(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#handlers.onConnection(connected);
  }
}
