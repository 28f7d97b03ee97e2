/**
 * What waits to be sent to one agent. Pods, objects and acknowledgements wait in slots, one per thing, the latest wins:
 * a slow agent costs one reference per pod, not a queue. The stream's own buffer is the only other one, and `write` says
 * when it is full.
 *
 * Order: what was put first (welcome, tunnels), objects, pods that need them, the network of all nodes, acknowledgements.
 */
import type { ControllerFrame, ObjectName, ReportAck, SerializedFrame } from '../../proto/node-service.ts';
import type { Stored } from '../store/stored.ts';
import { frameBytesMax } from '../limits.ts';
import { neededKey } from './assignments.ts';

/** A slot: the object to send, or the word that it is gone. */
type ObjectSlot = { readonly stored: Stored } | { readonly removed: ObjectName };

export class Outbox {
  readonly #write: (frame: ControllerFrame | SerializedFrame) => boolean;
  readonly #frames: ControllerFrame[] = [];
  readonly #objects = new Map<string, ObjectSlot>();
  /** Undefined: the pod is gone. */
  readonly #pods = new Map<string, Stored | undefined>();
  readonly #acks = new Map<string, number>();
  #network: () => SerializedFrame | undefined = () => undefined;
  #objectsComplete = true;
  #podsComplete = true;
  #writable = true;
  #scheduled = false;

  /** `write` sends a frame and returns false when no more should come until `drained` is called. */
  constructor(write: (frame: ControllerFrame | SerializedFrame) => boolean) {
    this.#write = write;
  }

  /** Sends `frame` before all that waits. For what is rare and bounded elsewhere. */
  put(frame: ControllerFrame): void {
    this.#frames.push(frame);
    this.#schedule();
  }

  putObject(stored: Stored): void {
    const { kind, metadata } = stored.object;
    this.#objects.set(neededKey({ kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' }), { stored });
    this.#schedule();
  }

  removeObject(removed: ObjectName): void {
    this.#objects.set(neededKey(removed), { removed });
    this.#schedule();
  }

  putPod(uid: string, stored: Stored | undefined): void {
    this.#pods.set(uid, stored);
    this.#schedule();
  }

  /** Frames come from `next` until it has none; `networkChanged` says that it may have again. */
  follow(next: () => SerializedFrame | undefined): void {
    this.#network = next;
    this.#schedule();
  }

  networkChanged(): void {
    this.#schedule();
  }

  ack(uid: string, sequence: number): void {
    this.#acks.set(uid, sequence);
    this.#schedule();
  }

  /** From here to the point where all that waits is sent, frames make up the complete state. */
  beginComplete(): void {
    this.#objectsComplete = false;
    this.#podsComplete = false;
    this.#schedule();
  }

  drained(): void {
    this.#writable = true;
    this.#flush();
  }

  /** Changes of one tick go out together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#writable) {
      const frame = this.#frames.shift() ?? this.#objectFrame() ?? this.#podFrame() ?? this.#network() ?? this.#ackFrame();
      if (frame === undefined) return;
      this.#writable = this.#write(frame);
    }
  }

  #objectFrame(): ControllerFrame | undefined {
    if (this.#objects.size === 0 && this.#objectsComplete) return undefined;
    const objects: Buffer[] = [];
    const removed: ObjectName[] = [];
    let size = 0;
    for (const [key, slot] of this.#objects) {
      if ('removed' in slot) removed.push(slot.removed);
      else {
        if (size > 0 && size + slot.stored.bytes.length > frameBytesMax) break;
        size += slot.stored.bytes.length;
        objects.push(slot.stored.bytes);
      }
      this.#objects.delete(key);
    }
    const complete = !this.#objectsComplete && this.#objects.size === 0;
    if (complete) this.#objectsComplete = true;
    return { frame: 'objects', objects: { complete, objects, removed } };
  }

  #podFrame(): ControllerFrame | undefined {
    if (this.#pods.size === 0 && this.#podsComplete) return undefined;
    const pods: Buffer[] = [];
    const removedUids: string[] = [];
    let size = 0;
    for (const [uid, stored] of this.#pods) {
      if (stored === undefined) removedUids.push(uid);
      else {
        if (size > 0 && size + stored.bytes.length > frameBytesMax) break;
        size += stored.bytes.length;
        pods.push(stored.bytes);
      }
      this.#pods.delete(uid);
    }
    const complete = !this.#podsComplete && this.#pods.size === 0;
    if (complete) this.#podsComplete = true;
    return { frame: 'pods', pods: { complete, pods, removedUids } };
  }

  #ackFrame(): ControllerFrame | undefined {
    if (this.#acks.size === 0) return undefined;
    const acks: ReportAck[] = [...this.#acks].map(([uid, sequence]) => ({ uid, sequence }));
    this.#acks.clear();
    return { frame: 'acks', acks: { acks } };
  }
}
