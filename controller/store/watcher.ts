/**
 * One client's watch: a bounded buffer between the cache, which never waits, and a reader who may be slow.
 *
 *     open ──overflow──► ended (lagging)      open ──history lost──► ended (expired)      open ──close──► closed
 *
 * Once ended, what was buffered is dropped: the client lists again anyway.
 */
import { expired } from '../../proto/errors.ts';
import type { Change } from './stored.ts';
import type { ChangeWatcher, WatchEnd } from './reader.ts';

export interface WatcherOptions {
  readonly namespace: string | undefined;
  /** Only changes after it are of interest. */
  readonly revision: number;
  readonly eventsMax: number;
  /** The revision that the cache has seen. */
  readonly seen: () => number;
  readonly onClose: (watcher: Watcher) => void;
}

export class Watcher implements ChangeWatcher {
  readonly #options: WatcherOptions;
  #buffer: Change[] = [];
  #handedOut: number;
  /** Changes up to it have been offered, be it from the history or live. */
  #offered: number;
  /** A batch is with the reader, who has not come back for the next one. */
  #outstanding = false;
  #end: WatchEnd | 'closed' | undefined;
  #wake: (() => void) | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#handedOut = options.revision;
    this.#offered = options.revision;
  }

  get revision(): number {
    const caughtUp = !this.#outstanding && this.#buffer.length === 0 && this.#end === undefined;
    return caughtUp ? Math.max(this.#handedOut, this.#options.seen()) : this.#handedOut;
  }

  /** Takes what concerns this watcher; the changes are of its kind and in order. */
  offer(changes: readonly Change[]): void {
    if (this.#end !== undefined) return;
    const { namespace, eventsMax } = this.#options;
    for (const change of changes) {
      if (change.stored.revision <= this.#offered) continue;
      this.#offered = change.stored.revision;
      if (namespace !== undefined && change.stored.object.metadata.namespace !== namespace) continue;
      this.#buffer.push(change);
    }
    if (this.#buffer.length > eventsMax) this.end('lagging');
    else if (this.#buffer.length > 0) this.#wake?.();
  }

  end(why: WatchEnd | 'closed'): void {
    this.#finish(why);
  }

  close(): void {
    this.#finish('closed');
  }

  async *changes(): AsyncGenerator<readonly Change[]> {
    try {
      for (;;) {
        const batch = await this.#next();
        if (batch === undefined) return;
        const before = this.#handedOut;
        this.#outstanding = true;
        yield batch;
        this.#outstanding = false;
        this.#handedOut = batch.at(-1)?.stored.revision ?? before;
      }
    } finally {
      this.close();
    }
  }

  /** Everything buffered; waits while there is nothing. Undefined when closed. */
  async #next(): Promise<readonly Change[] | undefined> {
    while (this.#buffer.length === 0 && this.#end === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#end === 'closed') return undefined;
    if (this.#end === 'lagging') throw expired('The watch fell too far behind; list again and watch from there');
    if (this.#end === 'expired') throw expired();
    const batch = this.#buffer;
    this.#buffer = [];
    return batch;
  }

  #finish(end: WatchEnd | 'closed'): void {
    if (this.#end !== undefined) return;
    // Who had everything has everything up to here: a last bookmark may say so.
    this.#handedOut = this.revision;
    this.#end = end;
    this.#buffer = [];
    this.#options.onClose(this);
    this.#wake?.();
  }
}
