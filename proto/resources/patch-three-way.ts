/**
 * The strategic merge patch that `kubectl apply` would send: additions and changes are the difference between
 * what is there and what is wanted, deletions are what was wanted last time and is not any more. What others
 * have added to the object stays.
 */
import type { Kind } from '../kinds.ts';
import { type MergeRule, mergeRule } from '../schema/lists.ts';
import { type JsonRecord, getOwn, isRecord, jsonEqual, setOwn } from '../schema/records.ts';
import type { Schema, SchemaType } from '../schema/schema.ts';
import { itemKey } from './patch-order.ts';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const recordOf = (value: unknown): JsonRecord => (isRecord(value) ? value : {});

const hasTwins = (items: readonly unknown[], key: string): boolean =>
  new Set(items.map((item) => itemKey(item, key))).size < items.length;

class ThreeWay {
  readonly #schema: Schema;

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  /** Empty when nothing has to change. */
  record(original: JsonRecord, modified: JsonRecord, current: JsonRecord, type: SchemaType | undefined): JsonRecord {
    const patch: JsonRecord = {};
    for (const field of Object.keys(modified)) {
      const wanted = modified[field];
      const present = getOwn(current, field);
      const rule = mergeRule(type?.name, field);
      const inner = this.#schema.itemType(type?.fields.get(field));
      if (wanted === null) {
        if (present !== undefined && present !== null) setOwn(patch, field, null);
      } else if (isRecord(wanted) && isRecord(present)) {
        const change = this.#struct(recordOf(getOwn(original, field)), wanted, present, rule, inner);
        if (change !== undefined) setOwn(patch, field, change);
      } else if (rule?.merge && Array.isArray(wanted) && Array.isArray(present)) {
        this.#list(patch, field, { original: listOf(getOwn(original, field)), wanted, present }, rule, inner);
      } else if (!jsonEqual(wanted, present) && !(present === undefined && Array.isArray(wanted) && wanted.length === 0)) {
        // An empty list that is not there is not missing: the API stores none.
        setOwn(patch, field, wanted);
      }
    }
    for (const field of Object.keys(original)) {
      if (!Object.hasOwn(modified, field) && Object.hasOwn(current, field)) setOwn(patch, field, null);
    }
    return patch;
  }

  #struct(
    original: JsonRecord,
    wanted: JsonRecord,
    present: JsonRecord,
    rule: MergeRule | undefined,
    inner: SchemaType | undefined,
  ): JsonRecord | undefined {
    const change = this.record(original, wanted, present, inner);
    if (Object.keys(change).length === 0) return undefined;
    if (rule?.replace) return wanted;
    return rule?.retainKeys ? { ...change, $retainKeys: Object.keys(wanted).sort() } : change;
  }

  #list(
    patch: JsonRecord,
    field: string,
    lists: { original: readonly unknown[]; wanted: readonly unknown[]; present: readonly unknown[] },
    rule: MergeRule,
    inner: SchemaType | undefined,
  ): void {
    const { original, wanted, present } = lists;
    const { key } = rule;
    if (key !== undefined && (hasTwins(wanted, key) || hasTwins(present, key))) {
      // Two items of one key (port 53 over UDP and TCP) cannot be told apart by a merge: the list is sent whole.
      if (!jsonEqual(wanted, present)) patch[field] = [...wanted, { $patch: 'replace' }];
      return;
    }
    const keyOf = (item: unknown): unknown => itemKey(item, key);
    const presentBy = new Map(present.map((item) => [keyOf(item), item]));
    const wantedKeys = new Set(wanted.map(keyOf));
    const gone = original.filter((item) => !wantedKeys.has(keyOf(item)) && presentBy.has(keyOf(item)));
    const originalBy = new Map(original.map((item) => [keyOf(item), item]));
    const changes =
      key === undefined
        ? wanted.filter((item) => !presentBy.has(item))
        : wanted.flatMap((item) => this.#item(recordOf(originalBy.get(keyOf(item))), recordOf(item), presentBy.get(keyOf(item)), rule, inner));
    const stays = wanted.map(keyOf).filter((name) => presentBy.has(name));
    const isReordered = !jsonEqual(stays, present.map(keyOf).filter((name) => wantedKeys.has(name)));
    if (changes.length === 0 && gone.length === 0 && !isReordered) return;
    patch[`$setElementOrder/${field}`] = key === undefined ? wanted : wanted.map((item) => ({ [key]: keyOf(item) }));
    if (key === undefined) {
      if (changes.length > 0) patch[field] = changes;
      if (gone.length > 0) patch[`$deleteFromPrimitiveList/${field}`] = gone;
    } else if (changes.length > 0 || gone.length > 0) {
      patch[field] = [...changes, ...gone.map((item) => ({ $patch: 'delete', [key]: keyOf(item) }))];
    }
  }

  /** At most one item: what is new, or what changes together with its key. */
  #item(original: JsonRecord, wanted: JsonRecord, present: unknown, rule: MergeRule, inner: SchemaType | undefined): JsonRecord[] {
    if (!isRecord(present)) return [wanted];
    const change = this.#struct(original, wanted, present, rule, inner);
    return change === undefined || rule.key === undefined ? [] : [{ [rule.key]: wanted[rule.key], ...change }];
  }
}

/**
 * The patch from `current` (the live object) to `modified` (the manifest), given `original` (the manifest applied
 * last; undefined the first time). `{}` when nothing has to change. Nothing is changed in place.
 */
export const threeWayStrategicPatch = (
  schema: Schema,
  kind: Pick<Kind, 'group' | 'version' | 'kind'>,
  { original, modified, current }: { original?: unknown; modified: unknown; current: unknown },
): JsonRecord => new ThreeWay(schema).record(recordOf(original), recordOf(modified), recordOf(current), schema.typeOf(kind));
