/** A set of objects in key order. A change costs one binary search; a list is made once and shared until the next change. */
import type { Stored } from './stored.ts';

export class SortedObjects {
  readonly #byKey = new Map<string, Stored>();
  readonly #keys: string[] = [];
  #list: readonly Stored[] | undefined;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: string): Stored | undefined {
    return this.#byKey.get(key);
  }

  set(stored: Stored): void {
    if (!this.#byKey.has(stored.key)) this.#keys.splice(this.#position(stored.key), 0, stored.key);
    this.#byKey.set(stored.key, stored);
    this.#list = undefined;
  }

  delete(key: string): void {
    if (!this.#byKey.delete(key)) return;
    this.#keys.splice(this.#position(key), 1);
    this.#list = undefined;
  }

  list(): readonly Stored[] {
    this.#list ??= this.#keys.map((key) => this.#byKey.get(key) as Stored);
    return this.#list;
  }

  /** Where `key` is, or would be. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] as string) < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
