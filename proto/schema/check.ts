/**
 * Compares a value with a type. Fast when nothing is wrong: paths are put into words only for problems. Null is
 * as absent everywhere, as in Kubernetes.
 */
import { nearestName } from './nearest.ts';
import { type JsonRecord, isRecord } from './records.ts';
import { expectedWord, fits } from './scalars.ts';
import type { Shape } from './shape.ts';
import type { Schema, SchemaType } from './schema.ts';
import { bareName, goName } from './type-names.ts';

interface Located {
  /** Path with indexes, as people read it: `spec.containers[0].image`. */
  readonly path: string;
  /** The type that has the field: `Container`. */
  readonly type: string;
}

export type SchemaProblem =
  | (Located & { readonly problem: 'unknown'; /** The real name that was probably meant. */ readonly nearest?: string })
  | (Located & {
      readonly problem: 'wrong';
      /** What belongs there, as Go names it: `int32`, `[]v1.Container`. */
      readonly expected: string;
      /** What is there: string, number, bool, array, object; with the value when its kind is right and its form is not. */
      readonly got: string;
    })
  | (Located & { readonly problem: 'missing' });

/** Deeper than any of Kubernetes' types goes; ends the walk should types ever refer to themselves. */
const nestingMax = 64;
/**
 * A body that is wrong everywhere is answered with its first problems of each sort only. Of each: what is unknown must not
 * hide what is wrong, which would then be stored.
 */
const problemsMax = 100;
const gotCharactersMax = 40;

const jsonKind = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
};

const describe = (shape: Shape): string => {
  if ('ref' in shape) return goName(shape.ref);
  if ('array' in shape) return `[]${describe(shape.array)}`;
  if ('map' in shape) return `map[string]${describe(shape.map)}`;
  return expectedWord(shape);
};

const pathText = (path: readonly (string | number)[]): string =>
  path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');

class Walk {
  readonly problems: SchemaProblem[] = [];
  readonly #counts = { unknown: 0, wrong: 0, missing: 0 };
  readonly #schema: Schema;
  readonly #path: (string | number)[] = [];

  constructor(schema: Schema) {
    this.#schema = schema;
  }

  type(type: SchemaType, value: JsonRecord): void {
    const owner = type.name;
    for (const key of Object.keys(value)) {
      const shape = type.fields.get(key);
      if (shape !== undefined) this.#step(key, shape, value[key], owner);
      else if (value[key] !== undefined) this.#unknown(key, type);
    }
    for (const key of type.required) {
      if (Object.hasOwn(value, key) && value[key] !== null && value[key] !== undefined) continue;
      if (this.#counts.missing >= problemsMax) break;
      this.#add({ problem: 'missing', path: pathText([...this.#path, key]), type: bareName(owner) });
    }
  }

  #step(key: string | number, shape: Shape, value: unknown, owner: string): void {
    if (value === null || value === undefined || this.#counts.wrong >= problemsMax) return;
    this.#path.push(key);
    if (this.#path.length > nestingMax) this.#wrong('an object that is less deep', 'more', owner);
    else this.#shape(shape, value, owner);
    this.#path.pop();
  }

  #shape(shape: Shape, value: unknown, owner: string): void {
    if ('ref' in shape) {
      const type = this.#schema.types.get(shape.ref);
      if (!isRecord(value)) this.#wrong(describe(shape), jsonKind(value), owner);
      else if (type !== undefined) this.type(type, value);
    } else if ('array' in shape) {
      if (!Array.isArray(value)) this.#wrong(describe(shape), jsonKind(value), owner);
      else for (let index = 0; index < value.length; index += 1) this.#step(index, shape.array, value[index], owner);
    } else if ('map' in shape) {
      if (!isRecord(value)) this.#wrong(describe(shape), jsonKind(value), owner);
      else for (const key of Object.keys(value)) this.#step(key, shape.map, value[key], owner);
    } else if (!fits(value, shape)) {
      this.#wrong(expectedWord(shape), this.#got(value, expectedWord(shape), shape.type === 'string'), owner);
    }
  }

  /** The value itself is shown for numbers and times only: strings may be secrets. */
  #got(value: unknown, expected: string, string: boolean): string {
    const kind = jsonKind(value);
    const shown = typeof value === 'number' ? !string : typeof value === 'string' && string && !expected.startsWith('[]byte');
    if (!shown) return kind;
    const text = JSON.stringify(value);
    return `${kind} ${text.length > gotCharactersMax ? `${text.slice(0, gotCharactersMax)}…` : text}`;
  }

  #wrong(expected: string, got: string, owner: string): void {
    this.#add({ problem: 'wrong', path: pathText(this.#path), type: bareName(owner), expected, got });
  }

  #unknown(key: string, type: SchemaType): void {
    if (this.#counts.unknown >= problemsMax) return;
    const nearest = nearestName(key, type.fields.keys());
    const path = pathText([...this.#path, key]);
    this.#add({ problem: 'unknown', path, type: bareName(type.name), ...(nearest === undefined ? {} : { nearest }) });
  }

  #add(problem: SchemaProblem): void {
    if (this.#counts[problem.problem] >= problemsMax) return;
    this.#counts[problem.problem] += 1;
    this.problems.push(problem);
  }
}

/** All problems of `value` as an object of `type`, in the order of its fields; at most 100 of each sort. */
export const checkValue = (schema: Schema, type: SchemaType, value: unknown): SchemaProblem[] => {
  const walk = new Walk(schema);
  if (isRecord(value)) walk.type(type, value);
  else walk.problems.push({ problem: 'wrong', path: '', type: bareName(type.name), expected: goName(type.name), got: jsonKind(value) });
  return walk.problems;
};
