/** Fields that are a number or a share, such as maxSurge. */
import type { FieldError } from '../errors.ts';
import { invalidValue, notNegative, type Path } from './field-error.ts';

const percentPattern = /^\d+%$/;

/** The whole percentage, or undefined when the value is none. */
export const percentOf = (value: unknown): number | undefined =>
  typeof value === 'string' && percentPattern.test(value) ? Number.parseInt(value, 10) : undefined;

export const validateIntOrPercent = (value: unknown, path: Path): FieldError[] => {
  if (value === undefined || value === null) return [];
  if (typeof value === 'number') return notNegative(path, value);
  if (percentOf(value) !== undefined) return [];
  return [invalidValue(path, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")];
};
