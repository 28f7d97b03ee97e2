/**
 * What is known of each pod without asking containerd. Only this agent makes containers here, and containerd tells when one
 * ends; so between two such things the last picture of a pod is still true.
 *
 *     nothing known ──listed──► known ──own step done──► known, with its result
 *          ▲                      │
 *          └── doubt: an event, a step that failed or took something away, the events broke, the relist
 *
 * Invariants: a picture that was asked for before something happened is not kept; while the events are interrupted none
 * is. Never written down: whoever starts anew asks.
 */
import type { ObservedContainer, ObservedPod, ObservedSandbox } from './runtime.ts';

/** One state of knowledge about a pod; another takes its place whenever something happens to the pod. */
export interface Slot {
  known?: { readonly pod: ObservedPod | undefined };
}

/** What a step made. */
export interface Made {
  readonly sandbox?: ObservedSandbox;
  readonly container?: ObservedContainer;
}

interface Attempt {
  readonly id: string;
  readonly attempt: number;
  readonly createdAtMs: number;
}

/** Newest first. */
export const byAttempt = (left: Attempt, right: Attempt): number => right.attempt - left.attempt || right.createdAtMs - left.createdAtMs;

const withItem = <T extends Attempt>(items: readonly T[], item: T | undefined): readonly T[] =>
  item ? [...items.filter(({ id }) => id !== item.id), item].toSorted(byAttempt) : items;

export class Pictures {
  readonly #slots = new Map<string, Slot>();
  /** Whether containerd's events reach us. */
  #following = false;
  /** Everything has been listed since the events began: a pod of which nothing was seen has nothing. */
  #complete = false;
  /** Counts the beginnings and ends of following. */
  #era = 0;

  /** The present slot: take it before asking, hand it back with the answer. */
  slot(uid: string): Slot {
    const slot = this.#slots.get(uid) ?? {};
    this.#slots.set(uid, slot);
    return slot;
  }

  /** Undefined: containerd must be asked. @param isNew nothing of the pod was ever seen */
  known(uid: string, isNew: boolean): Slot['known'] {
    if (isNew && this.#complete && !this.#slots.has(uid)) this.#slots.set(uid, { known: { pod: undefined } });
    return this.#slots.get(uid)?.known;
  }

  /** False when something happened since `slot` was taken: ask again. */
  keep(uid: string, slot: Slot, pod: ObservedPod | undefined): boolean {
    if (this.#slots.get(uid) !== slot) return false;
    if (this.#following) slot.known = { pod };
    return true;
  }

  /**
   * A step of ours has made something.
   * @param slot as it was before the state of what was made was asked for
   */
  add(owner: Pick<ObservedPod, 'uid' | 'namespace' | 'name'>, slot: Slot, made: Made): void {
    const { uid, namespace, name } = owner;
    const now = this.#slots.get(uid) === slot ? this.known(uid, false) : undefined;
    this.doubt(uid);
    if (!now) return;
    const { sandboxes = [], containers = [] } = now.pod ?? {};
    const pod = { uid, namespace, name, sandboxes: withItem(sandboxes, made.sandbox), containers: withItem(containers, made.container) };
    this.#slots.set(uid, { known: { pod } });
  }

  /** A container of the pod is other than it was; an answer that was asked for before is not kept. */
  change(uid: string, container: ObservedContainer): void {
    const pod = this.known(uid, false)?.pod;
    this.#slots.set(uid, pod ? { known: { pod: { ...pod, containers: withItem(pod.containers, container) } } } : {});
  }

  /** Something may have happened to the pod. */
  doubt(uid: string): void {
    this.#slots.set(uid, {});
  }

  /** Nothing is left of the pod. */
  forget(uid: string): void {
    this.#slots.delete(uid);
  }

  /** The events begin, or are lost: what was known may have changed unseen. */
  follow(following: boolean): void {
    this.#following = following;
    this.#complete = false;
    this.#era += 1;
    this.#slots.clear();
  }

  /** Before everything is listed; call the result when it has been. All that was known is asked for anew when it is needed next. */
  listing(): () => void {
    const before = new Map(this.#slots);
    const era = this.#era;
    return () => {
      for (const [uid, slot] of before) if (this.#slots.get(uid) === slot) this.#slots.delete(uid);
      if (this.#era === era) this.#complete = this.#following;
    };
  }
}
