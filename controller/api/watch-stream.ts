/**
 * The verb watch: events as lines of JSON for as long as the client stays.
 *
 *     changes of the cache ─► selection (entering and leaving it) ─► bytes ─► socket
 *
 * Invariants: every wanted change is sent once and in order; a bookmark's revision is sent only after all events up to it;
 * a client that reads slowly costs the cache's bounded buffer and the socket's, no more, and is cut off.
 */
import type { ServerResponse } from 'node:http';
import { ApiError, expired, isApiError } from '../../proto/errors.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { bookmarkPeriodMs, watchStallMs } from '../limits.ts';
import type { ChangeWatcher, Reader } from '../store/reader.ts';
import type { Change, ChangeType, Stored } from '../store/stored.ts';
import type { Rendering } from './rendering.ts';
import { select, type Selection } from './selection.ts';

export interface WatchOptions {
  readonly selection: Selection;
  readonly rendering: Rendering;
  /** Changes after this revision; undefined begins with the objects that there are, as ADDED. */
  readonly revision: number | undefined;
  /** After the objects that there are, says so in a bookmark. */
  readonly marksInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly lifetimeMs: number;
}

const newline = Buffer.from('}\n');
const heads: Readonly<Record<ChangeType | 'BOOKMARK' | 'ERROR', Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
};

const eventLine = (type: keyof typeof heads, object: Buffer): Buffer => Buffer.concat([heads[type], object, newline]);

/** The last state that the client saw, at the revision at which the object left its selection. */
const leftAt = (previous: Stored, revision: number): Stored => {
  const object: KubeObject = {
    ...previous.object,
    metadata: { ...previous.object.metadata, resourceVersion: String(revision) },
  };
  return { ...previous, object, revision, bytes: Buffer.from(JSON.stringify(object)) };
};

/** What a change means to somebody who sees the selection alone; undefined when it means nothing. Pure. */
export const seenThrough = (selection: Selection, change: Change): { type: ChangeType; stored: Stored } | undefined => {
  const { type, stored, previous } = change;
  if (selection.everything) return { type, stored };
  const wanted = selection.wants(stored.object);
  if (type === 'DELETED') {
    // The last state is the one before the deletion.
    return wanted ? { type, stored } : undefined;
  }
  const before = previous !== undefined && selection.wants(previous.object);
  if (wanted) return { type: before ? 'MODIFIED' : 'ADDED', stored };
  return before && previous ? { type: 'DELETED', stored: leftAt(previous, stored.revision) } : undefined;
};

const initialBatchEvents = 256;

export class WatchStream {
  readonly #reader: Reader;
  readonly #clock: Clock;
  readonly #options: WatchOptions;
  readonly #response: ServerResponse;
  #watcher: ChangeWatcher | undefined;
  /** Whether everything that the cache handed over is written. */
  #idle = false;

  constructor(reader: Reader, clock: Clock, options: WatchOptions, response: ServerResponse) {
    this.#reader = reader;
    this.#clock = clock;
    this.#options = options;
    this.#response = response;
  }

  /**
   * Sends until the client leaves, the lifetime is over or the cache ends the watch.
   *
   * @throws ApiError Expired, before anything was sent
   */
  async run(): Promise<void> {
    // Gone while the cache was brought to where the watch begins: its 'close' has been, and does not come again.
    if (this.#response.destroyed) return;
    const { selection, revision, marksInitialEnd, bookmarks, lifetimeMs } = this.#options;
    // Without an await between them: the objects and the changes after them have no gap.
    const start = revision ?? this.#reader.revision;
    const initial = revision === undefined ? select(this.#reader, selection) : [];
    const watcher = this.#reader.watch(selection.kind, start, selection.namespace);
    this.#watcher = watcher;
    const end = (): void => watcher.close();
    this.#response.once('close', end);
    const lifetime = this.#clock.after(lifetimeMs, end);
    const bookmark = bookmarks ? this.#clock.every(bookmarkPeriodMs, () => this.#bookmarkWhenIdle()) : undefined;
    this.#response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
    this.#response.flushHeaders();
    try {
      await this.#sendInitial(initial);
      if (marksInitialEnd) await this.#write(this.#bookmark(start, { 'k8s.io/initial-events-end': 'true' }));
      await this.#sendChanges(watcher);
      if (bookmarks) this.#bookmarkWhenIdle();
    } catch (error) {
      await this.#fail(error);
    } finally {
      lifetime.cancel();
      bookmark?.cancel();
      this.#response.off('close', end);
      watcher.close();
      this.#response.end();
    }
  }

  /** Ends the watch as if its lifetime were over. */
  close(): void {
    this.#watcher?.close();
  }

  async #sendInitial(items: readonly Stored[]): Promise<void> {
    const { rendering } = this.#options;
    for (let index = 0; index < items.length && !this.#response.destroyed; index += initialBatchEvents) {
      const batch = items.slice(index, index + initialBatchEvents);
      await this.#write(Buffer.concat(batch.map((stored) => eventLine('ADDED', rendering.one(stored)))));
    }
  }

  async #sendChanges(watcher: ChangeWatcher): Promise<void> {
    const { selection, rendering } = this.#options;
    this.#idle = true;
    for await (const changes of watcher.changes()) {
      this.#idle = false;
      const lines: Buffer[] = [];
      for (const change of changes) {
        const seen = seenThrough(selection, change);
        if (seen) lines.push(eventLine(seen.type, rendering.one(seen.stored)));
      }
      if (lines.length > 0) await this.#write(lines.length === 1 && lines[0] ? lines[0] : Buffer.concat(lines));
      this.#idle = true;
    }
  }

  #bookmark(revision: number, annotations?: object): Buffer {
    const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(annotations ? { annotations } : {}) };
    return eventLine('BOOKMARK', this.#options.rendering.bookmark(metadata));
  }

  #bookmarkWhenIdle(): void {
    // While changes are being written the revision may be behind what the client has; the next period comes.
    if (this.#idle && this.#watcher && !this.#response.destroyed) this.#response.write(this.#bookmark(this.#watcher.revision));
  }

  async #fail(error: unknown): Promise<void> {
    if (this.#response.destroyed) return;
    const answer = isApiError(error) ? error : new ApiError('InternalError', 'the watch failed');
    const status = answer.reason === 'Expired' ? expired(answer.message).toStatus() : answer.toStatus();
    await this.#write(eventLine('ERROR', Buffer.from(JSON.stringify(status))));
    if (!isApiError(error)) throw error;
  }

  /** Resolves when the socket takes more; a client that takes nothing for too long loses its connection. */
  #write(chunk: Buffer): Promise<void> {
    const response = this.#response;
    // After its end there is neither a 'drain' nor a 'close' to wait for.
    if (response.destroyed || response.write(chunk)) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        stall.cancel();
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      const stall = this.#clock.after(watchStallMs, () => response.destroy());
      response.once('drain', done);
      response.once('close', done);
    });
  }
}
