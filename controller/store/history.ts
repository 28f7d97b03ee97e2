/**
 * The latest changes of one kind, for watches that resume.
 * Invariant: every change after `floor` is held; what is at or before it may be forgotten.
 */
import type { Change } from './stored.ts';

export class History {
  readonly #eventsMax: number;
  #changes: Change[] = [];
  /** Forgotten changes still at the front of the array; they are cut off together, so that adding stays cheap. */
  #start = 0;
  #floor: number;

  constructor(eventsMax: number, floor: number) {
    this.#eventsMax = eventsMax;
    this.#floor = floor;
  }

  add(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length - this.#start <= this.#eventsMax) return;
    const forgotten = this.#changes[this.#start] as Change;
    this.#floor = forgotten.stored.revision;
    this.#start += 1;
    if (this.#start < this.#eventsMax / 4) return;
    this.#changes = this.#changes.slice(this.#start);
    this.#start = 0;
  }

  /** Changes after `revision`; undefined when some of them are forgotten. */
  since(revision: number): readonly Change[] | undefined {
    if (revision < this.#floor) return undefined;
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Change).stored.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }

  /** Forgets everything up to `floor`: changes were missed, so nobody may resume across it. */
  reset(floor: number): void {
    this.#changes = [];
    this.#start = 0;
    this.#floor = floor;
  }
}
