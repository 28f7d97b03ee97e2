/**
 * Reads a program's configuration file: YAML, checked against a shape, every problem named by file and path at once. The
 * shape also explains itself: `describeConfig` is what --help prints.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { nearestName } from '../schema/nearest.ts';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What one value must be: `check` returns it, or adds to `problems` what it must be instead. The rest is for people. */
export interface Rule<T> {
  check(value: unknown, path: string, problems: string[]): T;
  /** Completes "NAME must be". */
  readonly what?: string;
  /** What the value is for, in one line. */
  readonly about?: string;
  readonly isOptional?: boolean;
  /** What holds where it is left out. */
  readonly fallback?: unknown;
  readonly keys?: Readonly<Record<string, Rule<unknown>>>;
}

/** Scalars as they stand in the file; what has parts is only named. */
const shown = (value: unknown): string => (Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'a mapping' : JSON.stringify(value));

/** A rule by a test of the value; `what` completes "NAME must be". */
export const rule = <T>(what: string, accepts: (value: unknown) => boolean): Rule<T> => ({
  what,
  check(value, path, problems) {
    if (!accepts(value)) problems.push(`${path || 'the file'} must be ${what}, and is ${value === undefined || value === null ? 'missing' : shown(value)}`);
    return value as T;
  },
});

/** The same rule, with what it is for. */
export const about = <T>(words: string, inner: Rule<T>): Rule<T> => ({ ...inner, about: words });

export const text: Rule<string> = rule('a text', (value) => typeof value === 'string' && value !== '');

export const port: Rule<number> = rule('a port from 0 to 65535', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535);

/** A file's path; the file must be there and readable. */
export const readableFile: Rule<string> = {
  what: 'the path of a file that can be read',
  check(value, path, problems) {
    const before = problems.length;
    const file = text.check(value, path, problems);
    if (problems.length > before) return file;
    try {
      accessSync(file, constants.R_OK);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      problems.push(`${path}: ${file} ${code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`}`);
    }
    return file;
  },
};

export const count: Rule<number> = rule('a whole number of 0 or more', (value) => Number.isInteger(value) && (value as number) >= 0);

export const flag: Rule<boolean> = rule('true or false', (value) => typeof value === 'boolean');

/** Of an open file or socket that was handed down; those below are standard input, output and error. */
export const fileDescriptor: Rule<number> = rule('a file descriptor, 3 or more', (value) => Number.isInteger(value) && (value as number) >= 3);

/** `host:port`. */
export const address: Rule<string> = rule('host:port', (value) => {
  const portText = typeof value === 'string' ? /^(?:\[[\da-f:]+\]|[^:\s]+):(\d{1,5})$/i.exec(value)?.[1] : undefined;
  return portText !== undefined && Number(portText) <= 65_535;
});

/** Of a server, without a path. */
export const url: Rule<string> = rule('https://HOST:PORT', (value) => typeof value === 'string' && /^https:\/\/[^/\s]+\/?$/.test(value) && URL.canParse(value));

export const oneOf = <T extends string>(...allowed: readonly T[]): Rule<T> =>
  rule(`one of ${allowed.join(', ')}`, (value) => allowed.includes(value as T));

export const listOf = <T>(item: Rule<T>): Rule<readonly T[]> => ({
  what: `a list, each entry ${item.what ?? 'a mapping'}`,
  ...(item.keys ? { keys: item.keys } : {}),
  check(value, path, problems) {
    if (!Array.isArray(value) || value.length === 0) {
      problems.push(`${path} must be a list with at least one entry`);
      return [];
    }
    return value.map((entry, index) => item.check(entry, `${path}[${index}]`, problems));
  },
});

/** As `listOf`; a single entry may stand by itself. */
export const oneOrMore = <T>(item: Rule<T>): Rule<readonly T[]> => {
  const list = listOf(item);
  return {
    ...list,
    what: `${item.what ?? 'a mapping'}, or a list of such`,
    check: (value, path, problems) => (Array.isArray(value) ? list.check(value, path, problems) : [item.check(value, path, problems)]),
  };
};

/** The value may be left out; it is then `fallback`. */
export const optional = <T, D extends T | undefined>(inner: Rule<T>, fallback: D): Rule<T | D> => ({
  ...inner,
  isOptional: true,
  fallback,
  check: (value, path, problems) => (value === undefined || value === null ? fallback : inner.check(value, path, problems)),
});

/** A mapping with these keys and no others. */
export const shape = <T extends object>(rules: { readonly [K in keyof T]: Rule<T[K]> }): Rule<T> => ({
  keys: rules,
  check(value, path, problems) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${path || 'the file'} must be a mapping${value === undefined || value === null ? `, and is ${path ? 'missing' : 'empty'}` : ''}`);
      return {} as T;
    }
    const at = (key: string): string => (path ? `${path}.${key}` : key);
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(rules, key)) continue;
      const near = nearestName(key, Object.keys(rules));
      problems.push(`${at(key)} is not known; ${near ? `did you mean ${near}?` : `known here: ${Object.keys(rules).join(', ')}`}`);
    }
    const result: Partial<T> = {};
    for (const key of Object.keys(rules) as (keyof T & string)[]) {
      result[key] = rules[key].check((value as Record<string, unknown>)[key], at(key), problems);
    }
    return result as T;
  },
});

/** Throws ConfigError with one line for each problem. */
export const readConfig = <T>(file: string, expected: Rule<T>): T => {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read the configuration ${file}: ${(error as Error).message}`, { cause: error });
  }
  let value: unknown;
  try {
    value = parse(content);
  } catch (error) {
    throw new ConfigError(`${file} is not valid YAML: ${(error as Error).message}`, { cause: error });
  }
  const problems: string[] = [];
  const config = expected.check(value, '', problems);
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `${file}: ${problem}`).join('\n'));
  return config;
};

/** One line for each setting, in the file's own indentation: what it is for, what it must be, and what holds without it. */
const linesOf = (keys: Readonly<Record<string, Rule<unknown>>>, indent: string): string[] =>
  Object.entries(keys).flatMap(([key, inner]) => {
    const fallback = inner.isOptional ? (inner.fallback === undefined || typeof inner.fallback === 'object' ? 'optional' : `default ${JSON.stringify(inner.fallback)}`) : 'required';
    const words = [inner.about, inner.keys && inner.what === undefined ? undefined : inner.what, fallback].filter((word) => word !== undefined).join('; ');
    return [`${`${indent}${key}:`.padEnd(28)} # ${words}`, ...(inner.keys ? linesOf(inner.keys, `${indent}  `) : [])];
  });

/** What a program prints for --help. */
export const describeConfig = (program: string, purpose: string, expected: Rule<unknown>): string =>
  [`${program} --config FILE`, `${program} --version`, '', purpose, '', 'FILE is YAML:', '', ...linesOf(expected.keys ?? {}, '  '), ''].join('\n');

/** The file that `--config FILE` names. Throws ConfigError. */
export const configFile = (args: readonly string[]): string => {
  const at = args.indexOf('--config');
  const file = args[at + 1];
  if (at < 0 || !file) throw new ConfigError('name a configuration file: --config FILE; --help tells what it holds');
  return file;
};
