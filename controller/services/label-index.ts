/**
 * Who selects whom, by labels, without looking at everybody: objects by each of their labels, selectors by one of theirs.
 * Namespaces are apart. Selectors here are those of services: equality alone, at least one label.
 */

export type Labels = Readonly<Record<string, string>>;

const pairOf = (namespace: string, name: string, value: string): string => `${namespace}/${name}=${value}`;

const pairsOf = (namespace: string, labels: Labels): string[] => Object.entries(labels).map(([name, value]) => pairOf(namespace, name, value));

export const selects = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);

class Buckets {
  readonly #members = new Map<string, Set<string>>();

  of(bucket: string): ReadonlySet<string> | undefined {
    return this.#members.get(bucket);
  }

  add(bucket: string, key: string): void {
    const members = this.#members.get(bucket);
    if (members) members.add(key);
    else this.#members.set(bucket, new Set([key]));
  }

  remove(bucket: string, key: string): void {
    const members = this.#members.get(bucket);
    members?.delete(key);
    if (members?.size === 0) this.#members.delete(bucket);
  }

  clear(): void {
    this.#members.clear();
  }
}

export class LabelIndex {
  readonly #buckets = new Buckets();

  set(namespace: string, key: string, labels: Labels, before: Labels = {}): void {
    for (const pair of pairsOf(namespace, before)) this.#buckets.remove(pair, key);
    for (const pair of pairsOf(namespace, labels)) this.#buckets.add(pair, key);
  }

  delete(namespace: string, key: string, labels: Labels): void {
    for (const pair of pairsOf(namespace, labels)) this.#buckets.remove(pair, key);
  }

  /** The keys that have the selector's rarest label, sorted: all that match, and perhaps others. */
  candidates(namespace: string, selector: Labels): readonly string[] {
    let rarest: ReadonlySet<string> | undefined;
    for (const pair of pairsOf(namespace, selector)) {
      const members = this.#buckets.of(pair);
      if (!members) return [];
      if (!rarest || members.size < rarest.size) rarest = members;
    }
    return [...(rarest ?? [])].toSorted();
  }

  clear(): void {
    this.#buckets.clear();
  }
}

export class SelectorIndex {
  readonly #buckets = new Buckets();
  readonly #entries = new Map<string, { readonly pair: string; readonly selector: Labels }>();

  /** An absent or empty selector selects nothing. */
  set(namespace: string, key: string, selector: Labels | undefined): void {
    this.delete(key);
    if (!selector) return;
    // Under the label that the fewest others stand under, so that a label that all share does not bring them all up.
    const count = (pair: string): number => this.#buckets.of(pair)?.size ?? 0;
    const [first, ...others] = pairsOf(namespace, selector);
    if (first === undefined) return;
    const pair = others.reduce((best, next) => (count(next) < count(best) ? next : best), first);
    this.#entries.set(key, { pair, selector });
    this.#buckets.add(pair, key);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#buckets.remove(entry.pair, key);
    this.#entries.delete(key);
  }

  /** Keys of the selectors that select these labels. */
  *selecting(namespace: string, labels: Labels): Iterable<string> {
    for (const pair of pairsOf(namespace, labels)) {
      for (const key of this.#buckets.of(pair) ?? []) {
        const entry = this.#entries.get(key);
        if (entry && selects(entry.selector, labels)) yield key;
      }
    }
  }

  clear(): void {
    this.#buckets.clear();
    this.#entries.clear();
  }
}
