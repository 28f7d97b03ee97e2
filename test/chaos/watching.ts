/** A client that watches for the whole run, and holds the watch to its promise. */
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { loadSelector, namespace } from './load-objects.ts';
import { guarantees, type Verdict } from './verdict.ts';
import { type Listed, WatchRecord } from './watch-record.ts';

export interface WatchingParts {
  readonly client: Client;
  readonly verdict: Verdict;
  readonly clock: Clock;
}

export const selection = { namespace, labelSelector: loadSelector } as const;
const retryMs = 500;
const listTimeoutMs = 5_000;

export const listed = ({ metadata }: KubeObject): Listed => ({ key: metadata.name ?? '', uid: metadata.uid ?? '', revision: Number(metadata.resourceVersion) });

export class Watching<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly record = new WatchRecord();
  readonly #kind: Kind;
  readonly #parts: WatchingParts;
  readonly #objects = new Map<string, T>();
  readonly #onChange: (objects: Iterable<T>) => void;
  #changes = 0;
  #lists = 0;

  constructor(name: string, kind: Kind, parts: WatchingParts, onChange: (objects: Iterable<T>) => void = () => undefined) {
    this.name = name;
    this.#kind = kind;
    this.#parts = parts;
    this.#onChange = onChange;
  }

  get changes(): number {
    return this.#changes;
  }

  /** How often it had to begin anew, as the server no longer knew its position. */
  get relists(): number {
    return Math.max(0, this.#lists - 1);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#follow(await this.#list(signal), signal);
      } catch (error) {
        if (signal.aborted) return;
        // To be told that a position is too old is within the promise; a list then begins anew.
        if (!isApiError(error, 'Expired')) await this.#parts.clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const attempt = AbortSignal.any([signal, AbortSignal.timeout(listTimeoutMs)]);
    const { items, resourceVersion } = await this.#parts.client.list<T>(this.#kind, selection, { signal: attempt });
    this.record.begin(items.map(listed), Number(resourceVersion));
    this.#objects.clear();
    for (const item of items) this.#objects.set(item.metadata.name ?? '', item);
    this.#lists += 1;
    return resourceVersion;
  }

  async #follow(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { client, verdict } = this.#parts;
    for await (const { type, object } of client.watch<T>(this.#kind, selection, resourceVersion, signal)) {
      const { key, uid, revision } = listed(object);
      this.#changes += 1;
      const complaint = this.record.take({ type, key, uid, revision });
      verdict.judge(guarantees.watches, complaint && `${this.name}: ${complaint}`);
      if (type === 'DELETED') this.#objects.delete(key);
      else this.#objects.set(key, object);
      this.#onChange(this.#objects.values());
    }
  }
}
