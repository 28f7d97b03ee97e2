/** FieldErrors in Kubernetes' words, and the paths that they carry. */
import type { FieldError } from '../errors.ts';

/** A path is its own text: `spec.containers[0].image`. */
export type Path = string;

export const child = (path: Path, ...names: string[]): Path => [path, ...names].filter((part) => part !== '').join('.');

export const index = (path: Path, at: number): Path => `${path}[${at}]`;

/** An entry of a map: `data[key]`. */
export const key = (path: Path, name: string): Path => `${path}[${name}]`;

/** The offending value as messages show it: JSON, cut so that an error stays readable. */
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'null';
  return text.length > shownCharactersMax ? `${text.slice(0, shownCharactersMax)}…` : text;
};

const shownCharactersMax = 512;

export const required = (field: Path, why = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field,
  message: why ? `Required value: ${why}` : 'Required value',
});

export const invalidValue = (field: Path, value: unknown, why: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field,
  message: `Invalid value: ${shown(value)}: ${why}`,
});

export const unsupported = (field: Path, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${shown(value)}: supported values: ${supported.toSorted().map((each) => JSON.stringify(each)).join(', ')}`,
});

export const duplicate = (field: Path, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  field,
  message: `Duplicate value: ${shown(value)}`,
});

export const forbiddenField = (field: Path, why: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field,
  message: `Forbidden: ${why}`,
});

export const tooLong = (field: Path, bytesMax: number): FieldError => ({
  reason: 'FieldValueTooLong',
  field,
  message: `Too long: may not be more than ${bytesMax} bytes`,
});

export const tooMany = (field: Path, count: number, countMax: number): FieldError => ({
  reason: 'FieldValueTooMany',
  field,
  message: `Too many: ${count}: must have at most ${countMax} items`,
});

export const notFoundValue = (field: Path, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  field,
  message: `Not found: ${shown(value)}`,
});

/** One error for each thing that a rule of names.ts finds wrong; null is empty text, as Kubernetes decodes it. */
export const broken = (field: Path, value: string | null | undefined, rule: (value: string) => string[]): FieldError[] =>
  rule(value ?? '').map((message) => invalidValue(field, value, message));

/** Nothing when the value is absent or one of `supported`. */
export const oneOf = (field: Path, value: string | null | undefined, supported: readonly string[]): FieldError[] =>
  value === undefined || value === null || supported.includes(value) ? [] : [unsupported(field, value, supported)];

/** Nothing when the value is absent or in range. */
export const inRange = (field: Path, value: number | null | undefined, min: number, max: number): FieldError[] =>
  value === undefined || value === null || (value >= min && value <= max)
    ? []
    : [invalidValue(field, value, `must be between ${min} and ${max}, inclusive`)];

export const notNegative = (field: Path, value: number | null | undefined): FieldError[] =>
  value === undefined || value === null || value >= 0 ? [] : [invalidValue(field, value, 'must be greater than or equal to 0')];

/** Duplicates among `values`, reported where the second one stands. */
export const duplicates = (values: readonly (string | undefined)[], pathOf: (at: number) => Path): FieldError[] => {
  const seen = new Set<string>();
  return values.flatMap((value, at) => {
    if (value === undefined || value === '') return [];
    if (seen.has(value)) return [duplicate(pathOf(at), value)];
    seen.add(value);
    return [];
  });
};

export const immutableMessage = 'field is immutable';

/** Whether two JSON values are the same, where absent, null and empty containers are the same, as in Kubernetes' semantic equality. */
export const same = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  const isEmpty = (value: unknown): boolean =>
    value === undefined || value === null || (typeof value === 'object' && Object.values(value).every((part) => part === undefined || part === null));
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((part, at) => same(part, b[at]));
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].every((name) => same(left[name], right[name]));
};

export const immutable = (field: Path, value: unknown, old: unknown): FieldError[] =>
  same(value, old) ? [] : [invalidValue(field, value, immutableMessage)];
