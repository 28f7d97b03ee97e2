/** Who set which field: metadata.managedFields, kept as Kubernetes keeps it for writes that are not server-side apply. Pure. */
import type { Json, KubeObject, ObjectMeta } from '../../proto/resources/kubernetes.ts';
import { changedFields, differenceOf, type FieldSet, intersectionOf, unionOf } from './field-set.ts';
import { sameJson } from './json-equality.ts';

type Entry = NonNullable<ObjectMeta['managedFields']>[number];

export interface Manager {
  readonly name: string;
  /** `status`, `scale`; undefined for the object itself. */
  readonly subresource: string | undefined;
}

const managerMax = 128;

const fieldsOf = (entry: Entry): FieldSet => (entry.fieldsV1 ?? {}) as Json<FieldSet>;

const isEmpty = (fields: FieldSet): boolean => Object.keys(fields).length === 0;

/** What a writer of the object leaves to status is the server's doing, not the writer's. */
const ofWriter = (changed: FieldSet, { subresource }: Manager): FieldSet => {
  if (subresource === 'status' || subresource === 'binding') return changed;
  const { 'f:status': _status, ...fields } = changed;
  return fields;
};

const isOwn = (entry: Entry, object: KubeObject, manager: Manager): boolean =>
  entry.manager === manager.name &&
  entry.operation === 'Update' &&
  entry.apiVersion === object.apiVersion &&
  (entry.subresource || undefined) === manager.subresource;

/**
 * The entries after a write. The writer owns what it changed, in its `Update` entry; other `Update` entries lose it, and
 * all lose fields that are no longer there. An entry's time moves only when its fields do.
 */
export const managedFieldsAfter = (
  before: KubeObject | undefined,
  after: KubeObject,
  entries: readonly Entry[],
  writer: Manager,
  now: string,
): Entry[] => {
  const manager = { ...writer, name: writer.name.slice(0, managerMax) };
  const changed = ofWriter(changedFields(before, after), manager);
  const present = changedFields(undefined, after);
  const result: Entry[] = [];
  let owned = false;
  for (const entry of entries) {
    const own = isOwn(entry, after, manager);
    owned ||= own;
    const old = fieldsOf(entry);
    const kept = own ? unionOf(old, changed) : entry.operation === 'Apply' ? old : differenceOf(old, changed);
    const fields = intersectionOf(kept, present);
    if (isEmpty(fields)) continue;
    result.push(sameJson(fields, old) ? entry : { ...entry, fieldsV1: fields, time: now });
  }
  if (!owned && !isEmpty(changed)) {
    result.push({
      manager: manager.name,
      operation: 'Update',
      apiVersion: after.apiVersion,
      time: now,
      fieldsType: 'FieldsV1',
      fieldsV1: changed,
      ...(manager.subresource ? { subresource: manager.subresource } : {}),
    });
  }
  return result;
};

/** The entries that a write starts from: those it brings, if it brings any, else those of the object; an empty list forgets them. */
export const entriesToStartFrom = (before: KubeObject | undefined, after: KubeObject): readonly Entry[] => {
  const brought = after.metadata.managedFields;
  if (!before) return [];
  if (!brought) return before.metadata.managedFields ?? [];
  return brought.filter((entry) => entry.manager !== undefined);
};
