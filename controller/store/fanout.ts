/** Hands changes on: synchronously to the loops, through bounded buffers to clients. */
import type { Kind } from '../../proto/kinds.ts';
import type { Subscription, WatchEnd } from './reader.ts';
import type { Change } from './stored.ts';
import type { Watcher } from './watcher.ts';

interface Subscriber {
  readonly kinds: ReadonlySet<Kind>;
  readonly onChanges: (changes: readonly Change[]) => void;
}

export class Fanout {
  readonly #subscribers = new Set<Subscriber>();
  readonly #watchers = new Map<Kind, Set<Watcher>>();

  subscribe(kinds: readonly Kind[], onChanges: (changes: readonly Change[]) => void): Subscription {
    const subscriber = { kinds: new Set(kinds), onChanges };
    this.#subscribers.add(subscriber);
    return { close: () => void this.#subscribers.delete(subscriber) };
  }

  addWatcher(kind: Kind, watcher: Watcher): void {
    const watchers = this.#watchers.get(kind) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(kind, watchers);
  }

  removeWatcher(kind: Kind, watcher: Watcher): void {
    this.#watchers.get(kind)?.delete(watcher);
  }

  /** `changes` are in revision order and of any kinds. */
  toSubscribers(changes: readonly Change[]): void {
    // A copy: who subscribes from within a callback is told of the present objects, these changes included.
    for (const subscriber of Array.from(this.#subscribers)) {
      if (!this.#subscribers.has(subscriber)) continue;
      const { kinds, onChanges } = subscriber;
      const wanted = changes.filter(({ stored }) => kinds.has(stored.kind));
      if (wanted.length > 0) onChanges(wanted);
    }
  }

  toWatchers(changes: readonly Change[]): void {
    for (const [kind, ofKind] of Map.groupBy(changes, ({ stored }) => stored.kind)) {
      for (const watcher of this.#watchers.get(kind) ?? []) watcher.offer(ofKind);
    }
  }

  endWatchers(why: WatchEnd | 'closed'): void {
    // Watchers leave the set while they end; a set allows that.
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) watcher.end(why);
  }
}
