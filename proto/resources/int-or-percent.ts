/** Fields that are a number or a share, such as maxSurge. */
import type { FieldError } from '../errors.ts';
import { invalidValue, notNegative, type Path } from './field-error.ts';

const percentPattern = /^\d+%$/;

/** The whole percentage, or undefined when the value is none. */
export const percentOf = (value: unknown): number | undefined =>
  typeof value === 'string' && percentPattern.test(value) ? Number.parseInt(value, 10) : undefined;

/** The number that `value` stands for when `total` is all: as Kubernetes' GetScaledValueFromIntOrPercent. 0 for what is neither. */
export const scaledValue = (value: number | string | undefined, total: number, round: 'up' | 'down'): number => {
  if (typeof value === 'number') return value;
  const percent = percentOf(value);
  if (percent === undefined) return 0;
  return round === 'up' ? Math.ceil((percent * total) / 100) : Math.floor((percent * total) / 100);
};

export const validateIntOrPercent = (value: unknown, path: Path): FieldError[] => {
  if (value === undefined || value === null) return [];
  if (typeof value === 'number') return notNegative(path, value);
  if (percentOf(value) !== undefined) return [];
  return [invalidValue(path, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")];
};
