/**
 * Strategic merge patches: merge patches that know which lists are sets of named items (proto/schema/lists.ts)
 * and take directives:
 *
 *     $patch: replace | delete | merge       in a struct: what becomes of it; in a list's item: of that item or list
 *     $retainKeys: [field, …]                only these fields of the struct stay
 *     $deleteFromPrimitiveList/<list>: […]   these go from a list of scalars
 *     $setElementOrder/<list>: […]           the order of the items that the patch's author knows
 *
 * Nothing is changed in place; what the patch does not touch is shared with the object.
 */
import { ApiError, badRequest } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import { mergeRule } from '../schema/lists.ts';
import { type JsonRecord, getOwn, isRecord, setOwn } from '../schema/records.ts';
import type { Schema, SchemaType } from '../schema/schema.ts';
import { itemKey, mergedOrder } from './patch-order.ts';

const directive = '$patch';
const retainKeys = '$retainKeys';
const deletePrefix = '$deleteFromPrimitiveList/';
const orderPrefix = '$setElementOrder/';
const nestingMax = 200;

const deleted = Symbol('deleted');

const directiveOf = (patch: JsonRecord): 'replace' | 'delete' | 'merge' => {
  const value = getOwn(patch, directive);
  if (value === undefined || value === 'merge') return 'merge';
  if (value === 'replace' || value === 'delete') return value;
  throw badRequest(`unknown patch type found: ${JSON.stringify(value).slice(0, 64)}`);
};

const listOf = (value: unknown, field: string): readonly unknown[] => {
  if (Array.isArray(value)) return value;
  throw badRequest(`${field} in a strategic merge patch must be a list`);
};

const isDirective = (key: string): boolean =>
  key === directive || key === retainKeys || key.startsWith(deletePrefix) || key.startsWith(orderPrefix);

/** A list whose items are found by their key; when several share one, the first is meant, and a deletion takes all. */
class KeyedList {
  readonly #slots: unknown[];
  readonly #at = new Map<unknown, number[]>();

  constructor(items: readonly unknown[], key: string) {
    this.#slots = [...items];
    for (const [index, item] of items.entries()) {
      const name = itemKey(item, key);
      const twins = this.#at.get(name);
      if (twins === undefined) this.#at.set(name, [index]);
      else twins.push(index);
    }
  }

  get(name: unknown): unknown {
    return this.#slots[this.#at.get(name)?.[0] ?? -1];
  }

  set(name: unknown, item: unknown): void {
    const index = this.#at.get(name)?.[0];
    if (index !== undefined) this.#slots[index] = item;
    else this.#at.set(name, [this.#slots.push(item) - 1]);
  }

  delete(name: unknown): void {
    for (const index of this.#at.get(name) ?? []) this.#slots[index] = deleted;
    this.#at.delete(name);
  }

  items(): unknown[] {
    return this.#slots.filter((item) => item !== deleted);
  }
}

class Merge {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** A struct or map; `type` is undefined where the schema knows none. `deleted` when the patch removes it. */
  record(original: JsonRecord, patch: JsonRecord, type: SchemaType | undefined, depth = 0): JsonRecord | typeof deleted {
    if (depth > nestingMax) throw badRequest(`the patch is nested deeper than ${nestingMax} levels`);
    const what = directiveOf(patch);
    if (what === 'delete') return deleted;
    const result = what === 'replace' ? {} : this.#retained(original, patch);
    const fields = new Set<string>();
    for (const key of Object.keys(patch)) {
      if (key.startsWith(deletePrefix)) fields.add(key.slice(deletePrefix.length));
      else if (key.startsWith(orderPrefix)) fields.add(key.slice(orderPrefix.length));
      else if (!isDirective(key)) fields.add(key);
    }
    for (const field of fields) this.#field(result, patch, field, type, depth + 1);
    return result;
  }

  #retained(original: JsonRecord, patch: JsonRecord): JsonRecord {
    if (!Object.hasOwn(patch, retainKeys)) return { ...original };
    const kept = new Set(listOf(patch[retainKeys], retainKeys));
    const stray = Object.keys(patch).find((key) => !isDirective(key) && patch[key] !== null && !kept.has(key));
    if (stray !== undefined) throw badRequest(`${retainKeys} does not list "${stray}", which the patch sets`);
    return Object.fromEntries(Object.entries(original).filter(([key]) => kept.has(key)));
  }

  #field(result: JsonRecord, patch: JsonRecord, field: string, type: SchemaType | undefined, depth: number): void {
    const present = getOwn(result, field);
    const change = getOwn(patch, field);
    if (change === null) {
      Reflect.deleteProperty(result, field);
      return;
    }
    const inner = this.#schema.itemType(type?.fields.get(field));
    const rule = mergeRule(type?.name, field);
    const order = getOwn(patch, `${orderPrefix}${field}`);
    const removed = getOwn(patch, `${deletePrefix}${field}`);
    if (rule?.merge && (Array.isArray(change) || order !== undefined || removed !== undefined)) {
      const list = this.#list(present, change, { field, key: rule.key, order, removed }, inner, depth);
      if (list !== undefined) setOwn(result, field, list);
    } else if (order !== undefined || removed !== undefined) {
      throw badRequest(`"${field}" is not a list that a strategic merge patch merges`);
    } else if (isRecord(change)) {
      const merged = this.record(isRecord(present) && !rule?.replace ? present : {}, change, inner, depth);
      if (merged === deleted) Reflect.deleteProperty(result, field);
      else setOwn(result, field, merged);
    } else {
      setOwn(result, field, Array.isArray(change) ? this.#plain(change, inner, depth) : change);
    }
  }

  /** A list that is replaced: its items may still carry directives and nulls, which must not be stored. */
  #plain(items: readonly unknown[], inner: SchemaType | undefined, depth: number): unknown[] {
    return items.flatMap((item) => {
      if (!isRecord(item)) return [item];
      const merged = this.record({}, item, inner, depth + 1);
      return merged === deleted ? [] : [merged];
    });
  }

  #list(
    present: unknown,
    change: unknown,
    { field, key, order, removed }: { field: string; key: string | undefined; order: unknown; removed: unknown },
    inner: SchemaType | undefined,
    depth: number,
  ): readonly unknown[] | undefined {
    const original: readonly unknown[] = Array.isArray(present) ? present : [];
    const patch = change === undefined ? [] : listOf(change, field);
    if (present === undefined && change === undefined) return undefined;
    const merged = key === undefined ? this.#scalars(original, patch, removed) : this.#items(original, patch, key, inner, depth);
    const known = order === undefined ? patch : listOf(order, `${orderPrefix}${field}`);
    if (order !== undefined) this.#checkOrder(patch, known, key, field);
    return mergedOrder(merged, known, original, key);
  }

  #scalars(original: readonly unknown[], patch: readonly unknown[], removed: unknown): readonly unknown[] {
    const gone = new Set(removed === undefined ? [] : listOf(removed, deletePrefix));
    return [...new Set([...original.filter((item) => !gone.has(item)), ...patch])];
  }

  #items(original: readonly unknown[], patch: readonly unknown[], key: string, inner: SchemaType | undefined, depth: number): unknown[] {
    // An item that holds nothing but the directive speaks of the whole list.
    if (patch.some((item) => isRecord(item) && directiveOf(item) === 'replace' && !Object.hasOwn(item, key))) {
      return this.#plain(patch.filter((item) => !(isRecord(item) && directiveOf(item) === 'replace')), inner, depth);
    }
    const merged = new KeyedList(original, key);
    for (const item of patch) {
      if (!isRecord(item)) throw badRequest(`an item of a list that is merged by "${key}" is not an object`);
      const value = getOwn(item, key);
      if (value === undefined) {
        throw new ApiError('Invalid', `an item of the patch does not contain the declared merge key: ${key}`);
      }
      const present = merged.get(value);
      const result = this.record(isRecord(present) ? present : {}, item, inner, depth + 1);
      if (result === deleted) merged.delete(value);
      else merged.set(value, result);
    }
    return merged.items();
  }

  #checkOrder(patch: readonly unknown[], order: readonly unknown[], key: string | undefined, field: string): void {
    const known = new Set(order.map((item) => itemKey(item, key)));
    const stray = patch.find((item) => !(isRecord(item) && Object.hasOwn(item, directive)) && !known.has(itemKey(item, key)));
    if (stray !== undefined) throw badRequest(`${orderPrefix}${field} does not list an item that the patch sets`);
  }
}

/**
 * `object` with `patch` applied. Throws ApiError: BadRequest when the patch is malformed, Invalid when an item
 * lacks its merge key. A patch that deletes the object itself leaves `{}`.
 */
export const applyStrategicPatch = <T>(
  schema: Schema,
  kind: Pick<Kind, 'group' | 'version' | 'kind'>,
  object: T,
  patch: unknown,
): T => {
  if (!isRecord(patch)) throw badRequest('a strategic merge patch must be a JSON object');
  const merged = new Merge(schema).record(isRecord(object) ? object : {}, patch, schema.typeOf(kind));
  return (merged === deleted ? {} : merged) as T;
};
