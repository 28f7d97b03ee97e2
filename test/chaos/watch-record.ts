/** What one watch has shown: each change once and in order, and what follows from it is what a list shows. */

export interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly key: string;
  readonly uid: string;
  readonly revision: number;
}

export interface Listed {
  readonly key: string;
  readonly uid: string;
  readonly revision: number;
}

const expected = { ADDED: false, MODIFIED: true, DELETED: true } as const;

export class WatchRecord {
  readonly #objects = new Map<string, Listed>();
  /** Revisions of each key that were shown since the list. */
  readonly #shown = new Map<string, Set<number>>();
  #since = 0;
  #revision = 0;

  /** Begins with a list: at first, and again when the server said that the position is too old. */
  begin(objects: readonly Listed[], revision: number): void {
    this.#objects.clear();
    this.#shown.clear();
    for (const object of objects) this.#objects.set(object.key, object);
    this.#since = revision;
    this.#revision = revision;
  }

  get objects(): ReadonlyMap<string, Listed> {
    return this.#objects;
  }

  /** What is wrong with this change; undefined when it may come now. */
  take(change: Change): string | undefined {
    const { type, key, uid, revision } = change;
    const before = this.#objects.get(key);
    const told = `${type} ${key} at ${revision}`;
    if (revision <= this.#revision) return `${told} came after one at ${this.#revision}`;
    this.#revision = revision;
    const shown = this.#shown.get(key) ?? new Set();
    this.#shown.set(key, shown.add(revision));
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, { key, uid, revision });
    if (expected[type] !== (before !== undefined)) return `${told} came when the object was ${before ? `there at ${before.revision}` : 'not there'}`;
    if (before && before.uid !== uid) return `${told} is of ${uid}, and the object that was there is ${before.uid}`;
    return undefined;
  }

  /** Whether a write at this revision that was acknowledged must have been shown by now, and was not. */
  lacks(key: string, revision: number): boolean {
    return revision > this.#since && revision <= this.#revision && !this.#shown.get(key)?.has(revision);
  }

  /** How it differs from a list; undefined when it does not. */
  difference(listed: readonly Listed[]): string | undefined {
    const wrong = listed.filter(({ key, revision }) => this.#objects.get(key)?.revision !== revision);
    if (wrong.length > 0) return wrong.map(({ key, revision }) => `${key} is at ${revision}, shown was ${this.#objects.get(key)?.revision ?? 'nothing'}`).join('; ');
    const keys = new Set(listed.map(({ key }) => key));
    const surplus = [...this.#objects.keys()].filter((key) => !keys.has(key));
    return surplus.length > 0 ? `${surplus.join(', ')} ${surplus.length === 1 ? 'is' : 'are'} gone, which was not shown` : undefined;
  }
}
