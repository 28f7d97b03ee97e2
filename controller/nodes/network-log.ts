/**
 * What all nodes are told alike: services, their endpoints, and the nodes. A log in which each of them stands once, at the
 * place of its last change. A session is a position in it, so that a slow agent costs a number and is sent the latest of
 * each thing; and agents that keep up stand at the same position, where the frame is made once for all of them.
 *
 *     service a · slice a-1 · node n1 · service b · (slice a-1) · gone: service c │ ◄── appended
 *                                ▲ a slow agent                                  ▲ all others
 */
import { endpointSliceKind, nodeKind, serviceKind } from '../../proto/kinds.ts';
import { SerializedFrame } from '../../proto/node-service.ts';
import type { NetworkChanges, ObjectName, Peer } from '../../proto/node-service.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { frameBytesMax, networkEntryBytes } from '../limits.ts';
import type { Reader, Subscription } from '../store/reader.ts';
import type { Change, Stored } from '../store/stored.ts';

type Content =
  | { readonly stored: Stored }
  | { readonly removed: ObjectName }
  | { readonly peer: Peer }
  | { readonly removedPeer: string };

interface Entry {
  /** Counts up; the log is ordered by it. */
  readonly position: number;
  readonly key: string;
  readonly content: Content;
}

const keyOf = ({ kind, key }: Stored): string => `${kind.kind}/${key}`;
const isRemoval = (content: Content): boolean => 'removed' in content || 'removedPeer' in content;
const sizeOf = (content: Content): number => networkEntryBytes + ('stored' in content ? content.stored.bytes.length : 0);

/** The node as others need it; undefined until it has an address and a subnet. */
export const peerOf = ({ metadata, spec, status }: Node): Peer | undefined => {
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return address && spec?.podCIDR ? { name: metadata.name ?? '', address, podCidr: spec.podCIDR } : undefined;
};

const changesOf = (contents: readonly Content[], complete: boolean): NetworkChanges => {
  const services: Buffer[] = [];
  const slices: Buffer[] = [];
  const removed: ObjectName[] = [];
  const peers: Peer[] = [];
  const removedPeers: string[] = [];
  for (const content of contents) {
    if ('stored' in content) (content.stored.kind === serviceKind ? services : slices).push(content.stored.bytes);
    else if ('removed' in content) removed.push(content.removed);
    else if ('peer' in content) peers.push(content.peer);
    else removedPeers.push(content.removedPeer);
  }
  return { complete, services, slices, removed, peers, removedPeers };
};

/** One session's place in the log. */
export interface NetworkReader extends Subscription {
  /** What came since the last frame, bounded; undefined when there is nothing. The first frames make up the complete state. */
  next(): SerializedFrame | undefined;
}

interface Place {
  readonly position: number;
  /** Whether all that was there at the beginning has been sent. */
  readonly complete: boolean;
}

interface MadeFrame {
  readonly from: Place;
  readonly to: Place;
  readonly frame: SerializedFrame;
}

interface Follower {
  place: Place;
  readonly onChange: () => void;
}

export class NetworkLog {
  /** With those that later ones have replaced, until they are too many. */
  #entries: Entry[] = [];
  readonly #latest = new Map<string, Entry>();
  readonly #followers = new Set<Follower>();
  readonly #subscription: Subscription;
  #position = 0;
  #compactAt = 1_000;
  /** The last frame made, for whoever stands where it begins. */
  #made: MadeFrame | undefined;

  constructor(reader: Reader) {
    this.#subscription = reader.subscribe([serviceKind, endpointSliceKind, nodeKind], (changes) => this.#take(changes));
  }

  close(): void {
    this.#subscription.close();
  }

  /** `onChange` is called when there may be something for `next`. */
  open(onChange: () => void): NetworkReader {
    const follower: Follower = { place: { position: 0, complete: false }, onChange };
    this.#followers.add(follower);
    return { next: () => this.#next(follower), close: () => void this.#followers.delete(follower) };
  }

  #take(changes: readonly Change[]): void {
    const before = this.#position;
    for (const change of changes) {
      if (change.stored.kind === nodeKind) this.#takeNode(change);
      else if (change.type === 'DELETED') {
        const { kind, metadata } = change.stored.object;
        this.#append(keyOf(change.stored), { removed: { kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' } });
      } else this.#append(keyOf(change.stored), { stored: change.stored });
    }
    if (this.#position === before) return;
    this.#made = undefined;
    if (this.#entries.length > this.#compactAt) this.#compact();
    for (const { onChange } of this.#followers) onChange();
  }

  /** A node's status is written often; the others are told when it has moved. */
  #takeNode({ stored, type }: Change): void {
    const key = keyOf(stored);
    const content = this.#latest.get(key)?.content;
    const told = content && 'peer' in content ? content.peer : undefined;
    const peer = type === 'DELETED' ? undefined : peerOf(stored.object as Node);
    if (peer === undefined) {
      if (told) this.#append(key, { removedPeer: told.name });
    } else if (told?.address !== peer.address || told.podCidr !== peer.podCidr) this.#append(key, { peer });
  }

  #append(key: string, content: Content): void {
    this.#position += 1;
    const entry = { position: this.#position, key, content };
    this.#entries.push(entry);
    this.#latest.set(key, entry);
  }

  /** Drops what was replaced, and the word that a thing is gone once nobody stands before it. */
  #compact(): void {
    let first = this.#position;
    // Whoever has not begun was not told of what is gone.
    for (const { place } of this.#followers) if (place.position > 0) first = Math.min(first, place.position);
    this.#entries = this.#entries.filter((entry) => {
      if (this.#latest.get(entry.key) !== entry) return false;
      if (!isRemoval(entry.content) || entry.position > first) return true;
      this.#latest.delete(entry.key);
      return false;
    });
    this.#compactAt = 2 * this.#entries.length + 1_000;
  }

  #next(follower: Follower): SerializedFrame | undefined {
    const { position, complete } = follower.place;
    if (complete && position === this.#position) return undefined;
    if (this.#made?.from.position !== position || this.#made.from.complete !== complete) this.#made = this.#make(follower.place);
    follower.place = this.#made.to;
    return this.#made.frame;
  }

  #make(from: Place): MadeFrame {
    const contents: Content[] = [];
    let [size, position] = [0, this.#position];
    for (let index = this.#firstAfter(from.position); index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry === undefined || this.#latest.get(entry.key) !== entry) continue;
      if (size > 0 && size + sizeOf(entry.content) > frameBytesMax) {
        position = entry.position - 1;
        break;
      }
      size += sizeOf(entry.content);
      contents.push(entry.content);
    }
    const complete = from.complete || position === this.#position;
    const network = changesOf(contents, complete && !from.complete);
    return { from, to: { position, complete }, frame: new SerializedFrame({ frame: 'network', network }) };
  }

  /** Index of the first entry after a position. */
  #firstAfter(position: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.position ?? 0) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
