/**
 * Brings an object into the one form that everything behind the API sees, as Kubernetes' decoder leaves it:
 * unknown fields, nulls, zero values that say nothing, and empty lists and maps gone (unless the field is required),
 * quantities strings, nulls in lists and maps the empty value of their type.
 */
import { type JsonRecord, isRecord, setOwn } from './records.ts';
import type { Schema, SchemaType } from './schema.ts';
import type { Shape } from './shape.ts';
import { keepsZero } from './zero-values.ts';

/** Go's zero value of a shape, which a null in a list or map decodes to. */
const zero = (shape: Shape): unknown => {
  if ('ref' in shape || 'map' in shape) return {};
  if ('array' in shape) return [];
  if (shape.type === 'any') return null;
  if (shape.type === 'boolean') return false;
  return shape.type === 'string' ? '' : 0;
};

/** Empty lists and maps say no more than their absence; an empty struct does (`emptyDir: {}`). */
const isEmpty = (value: unknown, shape: Shape): boolean =>
  'array' in shape ? Array.isArray(value) && value.length === 0 : 'map' in shape && isRecord(value) && Object.keys(value).length === 0;

/** Zero values of fields that cannot tell them from absence. */
const isSilent = (value: unknown, shape: Shape, type: SchemaType, field: string): boolean => {
  if (value !== '' && value !== 0 && value !== false) return false;
  if (!('type' in shape) || shape.format === 'int-or-string' || shape.format === 'quantity') return false;
  return !keepsZero(type.name, field);
};

const tidyShape = (schema: Schema, shape: Shape, value: unknown): unknown => {
  if ('ref' in shape) {
    const type = schema.types.get(shape.ref);
    return type === undefined || !isRecord(value) ? value : tidyType(schema, type, value);
  }
  if ('array' in shape) {
    if (!Array.isArray(value)) return value;
    const items = value.map((item: unknown) => (item === null ? zero(shape.array) : tidyShape(schema, shape.array, item)));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if ('map' in shape) return isRecord(value) ? tidyMap(schema, shape.map, value) : value;
  return shape.format === 'quantity' && typeof value === 'number' ? String(value) : value;
};

const tidyMap = (schema: Schema, shape: Shape, value: JsonRecord): JsonRecord => {
  let changed = false;
  const result: JsonRecord = {};
  for (const key of Object.keys(value)) {
    const item = value[key];
    const tidied = item === null ? zero(shape) : tidyShape(schema, shape, item);
    if (tidied !== item) changed = true;
    setOwn(result, key, tidied);
  }
  return changed ? result : value;
};

/** A tidy copy; parts that are tidy already are shared with `value`, which stays as it is. */
export const tidyType = (schema: Schema, type: SchemaType, value: JsonRecord): JsonRecord => {
  let changed = false;
  const result: JsonRecord = {};
  for (const key of Object.keys(value)) {
    const item = value[key];
    const shape = type.fields.get(key);
    if (shape === undefined || item === null || item === undefined) {
      changed = true;
      continue;
    }
    const tidied = tidyShape(schema, shape, item);
    const isLeftOut = (isEmpty(tidied, shape) || isSilent(tidied, shape, type, key)) && !type.required.includes(key);
    if (isLeftOut || tidied !== item) changed = true;
    if (!isLeftOut) result[key] = tidied;
  }
  return changed ? result : value;
};
