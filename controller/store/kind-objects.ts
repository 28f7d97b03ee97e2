/** All objects of one kind with their indexes. */
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { IndexName } from './reader.ts';
import { SortedObjects } from './sorted-objects.ts';
import type { Stored } from './stored.ts';

const nodeOf = (object: KubeObject): string | undefined => {
  const spec = object['spec'] as { nodeName?: unknown } | undefined;
  return object.kind === 'Pod' && typeof spec?.nodeName === 'string' && spec.nodeName !== '' ? spec.nodeName : undefined;
};

const indexValues: Readonly<Record<IndexName, (object: KubeObject) => readonly string[]>> = {
  namespace: ({ metadata }) => (metadata.namespace ? [metadata.namespace] : []),
  owner: ({ metadata }) => metadata.ownerReferences?.map(({ uid }) => uid) ?? [],
  node: (object) => {
    const node = nodeOf(object);
    return node === undefined ? [] : [node];
  },
};
const indexNames = Object.keys(indexValues) as IndexName[];

export class KindObjects {
  readonly #all = new SortedObjects();
  readonly #indexes: Readonly<Record<IndexName, Map<string, SortedObjects>>> = {
    namespace: new Map(),
    owner: new Map(),
    node: new Map(),
  };

  get(key: string): Stored | undefined {
    return this.#all.get(key);
  }

  list(): readonly Stored[] {
    return this.#all.list();
  }

  indexed(index: IndexName, value: string): readonly Stored[] {
    return this.#indexes[index].get(value)?.list() ?? [];
  }

  set(stored: Stored): void {
    const previous = this.#all.get(stored.key);
    this.#all.set(stored);
    for (const name of indexNames) {
      const values = indexValues[name](stored.object);
      const stale = previous ? indexValues[name](previous.object).filter((value) => !values.includes(value)) : [];
      for (const value of stale) this.#leave(name, value, stored.key);
      for (const value of values) this.#enter(name, value, stored);
    }
  }

  delete(key: string): void {
    const previous = this.#all.get(key);
    if (!previous) return;
    this.#all.delete(key);
    for (const name of indexNames) for (const value of indexValues[name](previous.object)) this.#leave(name, value, key);
  }

  #enter(name: IndexName, value: string, stored: Stored): void {
    const index = this.#indexes[name];
    const members = index.get(value) ?? new SortedObjects();
    members.set(stored);
    index.set(value, members);
  }

  #leave(name: IndexName, value: string, key: string): void {
    const index = this.#indexes[name];
    const members = index.get(value);
    members?.delete(key);
    if (members?.size === 0) index.delete(value);
  }
}
