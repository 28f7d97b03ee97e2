/**
 * Carries changes of the cache to the nodes that they concern: one subscription for all sessions, and for each change a
 * look-up, not a scan.
 */
import { configMapKind, nodeKind, podKind, secretKind, serviceAccountKind } from '../../proto/kinds.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { objectKey } from '../../proto/resources/meta.ts';
import type { Reader, Subscription } from '../store/reader.ts';
import type { Change, Stored } from '../store/stored.ts';
import { Assignments, neededByObject, neededByPod, neededKey } from './assignments.ts';
import type { NeedChange, Needed, NeededKind } from './assignments.ts';
import { NetworkLog } from './network-log.ts';
import type { Outbox } from './outbox.ts';
import { isEcho } from './pod-echo.ts';

const neededKinds: Readonly<Record<NeededKind, Kind>> = {
  ConfigMap: configMapKind,
  Secret: secretKind,
  ServiceAccount: serviceAccountKind,
};

interface NodeFeed {
  readonly outbox: Outbox;
  readonly onNodeDeleted: () => void;
  readonly assignments: Assignments;
}

const nodeOf = (stored: Stored | undefined): string | undefined => (stored?.object as Pod | undefined)?.spec?.nodeName;

export class Feed {
  readonly #reader: Reader;
  readonly #nodes = new Map<string, NodeFeed>();
  /** Which nodes need an object, by `neededKey`. */
  readonly #needing = new Map<string, Set<NodeFeed>>();
  /** Told of the node as it is; undefined when it was deleted. */
  readonly #nodeWaiters = new Map<string, Set<(node: Node | undefined) => void>>();
  readonly #network: NetworkLog;
  readonly #subscription: Subscription;

  constructor(reader: Reader) {
    this.#reader = reader;
    this.#network = new NetworkLog(reader);
    this.#subscription = reader.subscribe([podKind, configMapKind, secretKind, serviceAccountKind, nodeKind], (changes) => {
      for (const change of changes) this.#take(change);
    });
  }

  close(): void {
    this.#subscription.close();
    this.#network.close();
  }

  /** Puts the node's complete state into `outbox`, then every change, until closed. A node has one feed at a time. */
  open(nodeName: string, outbox: Outbox, onNodeDeleted: () => void): Subscription {
    const feed: NodeFeed = { outbox, onNodeDeleted, assignments: new Assignments() };
    this.#nodes.set(nodeName, feed);
    outbox.beginComplete();
    for (const pod of this.#reader.indexed<Pod>(podKind, 'node', nodeName)) this.#putPod(feed, pod);
    const network = this.#network.open(() => outbox.networkChanged());
    outbox.follow(() => network.next());
    return {
      close: () => {
        network.close();
        if (this.#nodes.get(nodeName) === feed) this.#nodes.delete(nodeName);
        for (const key of feed.assignments.keys()) this.#unneed(key, feed);
      },
    };
  }

  /** Resolves to the node once `test` accepts it. `onDeleted` is called when there is none, or no longer; it goes on until `signal` aborts. */
  node(nodeName: string, test: (node: Node) => boolean, onDeleted: () => void, signal: AbortSignal): Promise<Node> {
    return new Promise((resolve, reject) => {
      const waiters = this.#nodeWaiters.get(nodeName) ?? new Set();
      const end = (): void => {
        waiters.delete(waiter);
        if (waiters.size === 0) this.#nodeWaiters.delete(nodeName);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        end();
        reject(signal.reason as Error);
      };
      const waiter = (node: Node | undefined): void => {
        if (node === undefined) return onDeleted();
        if (!test(node)) return;
        end();
        resolve(node);
      };
      this.#nodeWaiters.set(nodeName, waiters.add(waiter));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      else waiter(this.#reader.get<Node>(nodeKind, nodeName)?.object);
    });
  }

  #take(change: Change): void {
    const { kind, key, object } = change.stored;
    if (kind === podKind) this.#takePod(change);
    else if (kind === nodeKind) {
      const isDeleted = change.type === 'DELETED';
      if (isDeleted) this.#nodes.get(key)?.onNodeDeleted();
      for (const waiter of this.#nodeWaiters.get(key) ?? []) waiter(isDeleted ? undefined : (object as Node));
    } else this.#takeObject(change);
  }

  #takePod(change: Change): void {
    const { stored, previous } = change;
    const now = change.type === 'DELETED' ? undefined : nodeOf(stored);
    const last = previous ?? stored;
    const before = nodeOf(last);
    // A pod that took another's name between two reads of the cache is a change of one key, but two pods.
    const left = before !== undefined && (before !== now || last.object.metadata.uid !== stored.object.metadata.uid);
    const leaving = left ? this.#nodes.get(before) : undefined;
    if (leaving) this.#removePod(leaving, last.object.metadata.uid ?? '');
    const feed = now === undefined ? undefined : this.#nodes.get(now);
    if (feed === undefined || (!left && before === now && previous && isEcho(previous.object as Pod, stored.object as Pod))) return;
    this.#putPod(feed, stored as Stored<Pod>);
  }

  #takeObject(change: Change): void {
    const { object } = change.stored;
    const needed = { kind: object.kind as NeededKind, namespace: object.metadata.namespace ?? '', name: object.metadata.name ?? '' };
    const feeds = this.#needing.get(neededKey(needed));
    if (feeds === undefined) return;
    for (const feed of feeds) {
      if (change.type === 'DELETED') {
        feed.outbox.removeObject(needed);
        this.#apply(feed, feed.assignments.set(neededKey(needed), []));
      } else this.#putObject(feed, needed, change.stored);
    }
  }

  #putPod(feed: NodeFeed, pod: Stored<Pod>): void {
    const uid = pod.object.metadata.uid ?? '';
    this.#apply(feed, feed.assignments.set(uid, neededByPod(pod.object)));
    feed.outbox.putPod(uid, pod);
  }

  #removePod(feed: NodeFeed, uid: string): void {
    feed.outbox.putPod(uid, undefined);
    this.#apply(feed, feed.assignments.set(uid, []));
  }

  #putObject(feed: NodeFeed, needed: Needed, stored: Stored): void {
    feed.outbox.putObject(stored);
    this.#apply(feed, feed.assignments.set(neededKey(needed), neededByObject(stored.object)));
  }

  #apply(feed: NodeFeed, { added, dropped }: NeedChange): void {
    for (const needed of added) {
      const key = neededKey(needed);
      this.#needing.set(key, (this.#needing.get(key) ?? new Set()).add(feed));
      const stored = this.#reader.get(neededKinds[needed.kind], objectKey({ apiVersion: 'v1', kind: needed.kind, metadata: needed }));
      if (stored) this.#putObject(feed, needed, stored);
    }
    for (const needed of dropped) {
      const key = neededKey(needed);
      this.#unneed(key, feed);
      feed.outbox.removeObject(needed);
      this.#apply(feed, feed.assignments.set(key, []));
    }
  }

  #unneed(key: string, feed: NodeFeed): void {
    const feeds = this.#needing.get(key);
    feeds?.delete(feed);
    if (feeds?.size === 0) this.#needing.delete(key);
  }
}
