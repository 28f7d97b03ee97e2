/** Query parameters, read strictly: what is absurd is refused, not guessed. All throw ApiError BadRequest. */
import { badRequest } from '../../proto/errors.ts';

export type Query = URLSearchParams;

/** The value, undefined when absent or empty. */
export const textParameter = (query: Query, name: string): string | undefined => query.get(name) || undefined;

/** Go's strconv.ParseBool, which Kubernetes uses; absent is false. */
export const flagParameter = (query: Query, name: string): boolean => {
  const value = query.get(name);
  if (value === null || value === '') return false;
  if (/^(?:1|t|T|true|TRUE|True)$/.test(value)) return true;
  if (/^(?:0|f|F|false|FALSE|False)$/.test(value)) return false;
  throw badRequest(`invalid value ${JSON.stringify(value.slice(0, 64))} for parameter ${name}: not a boolean`);
};

/** A whole number from 0 on, or undefined. */
export const countParameter = (query: Query, name: string): number | undefined => {
  const value = textParameter(query, name);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) {
    throw badRequest(`invalid value ${JSON.stringify(value.slice(0, 64))} for parameter ${name}: not a whole number from 0 on`);
  }
  return Number(value);
};

/** One of the values, or undefined. */
export const choiceParameter = <T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined => {
  const value = textParameter(query, name);
  if (value === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) {
    throw badRequest(`invalid value ${JSON.stringify(value.slice(0, 64))} for parameter ${name}: supported values: ${choices.join(', ')}`);
  }
  return choice;
};

/** A resourceVersion: undefined when unset. */
export const revisionParameter = (query: Query): number | undefined => {
  const value = textParameter(query, 'resourceVersion');
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw badRequest(`Invalid value: ${JSON.stringify(value.slice(0, 64))}: resourceVersion must be a whole number`);
  return Number(value);
};
