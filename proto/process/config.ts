/** Reads a program's configuration file: YAML, checked against a shape, every problem named by file and path at once. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** What one value must be; `parse` returns it, or the words for what it must be instead. */
export interface Rule<T> {
  check(value: unknown, path: string, problems: string[]): T;
}

/** A rule by a test of the value; `what` completes "NAME must be". */
export const rule = <T>(what: string, accepts: (value: unknown) => boolean): Rule<T> => ({
  check(value, path, problems) {
    if (!accepts(value)) problems.push(`${path || 'the file'} must be ${what}${value === undefined ? ', and is missing' : ''}`);
    return value as T;
  },
});

export const text: Rule<string> = rule('a text', (value) => typeof value === 'string' && value !== '');

export const port: Rule<number> = rule('a port from 0 to 65535', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535);

export const count: Rule<number> = rule('a whole number of 0 or more', (value) => Number.isInteger(value) && (value as number) >= 0);

export const flag: Rule<boolean> = rule('true or false', (value) => typeof value === 'boolean');

/** Of an open file or socket that was handed down; those below are standard input, output and error. */
export const fileDescriptor: Rule<number> = rule('a file descriptor, 3 or more', (value) => Number.isInteger(value) && (value as number) >= 3);

/** `host:port`. */
export const address: Rule<string> = rule('host:port', (value) => typeof value === 'string' && /^(\[[\da-f:]+\]|[^:\s]+):\d{1,5}$/i.test(value));

export const cidr: Rule<string> = rule('an IPv4 range such as 10.244.0.0/16', (value) => typeof value === 'string' && /^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/.test(value));

export const oneOf = <T extends string>(...allowed: readonly T[]): Rule<T> =>
  rule(`one of ${allowed.join(', ')}`, (value) => allowed.includes(value as T));

export const listOf = <T>(item: Rule<T>): Rule<readonly T[]> => ({
  check(value, path, problems) {
    if (!Array.isArray(value) || value.length === 0) {
      problems.push(`${path} must be a list with at least one entry`);
      return [];
    }
    return value.map((entry, index) => item.check(entry, `${path}[${index}]`, problems));
  },
});

/** The value may be left out; it is then `fallback`. */
export const optional = <T, D extends T | undefined>(inner: Rule<T>, fallback: D): Rule<T | D> => ({
  check: (value, path, problems) => (value === undefined || value === null ? fallback : inner.check(value, path, problems)),
});

/** A mapping with these keys and no others. */
export const shape = <T extends object>(rules: { readonly [K in keyof T]: Rule<T[K]> }): Rule<T> => ({
  check(value, path, problems) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      problems.push(`${path || 'the file'} must be a mapping`);
      return {} as T;
    }
    const at = (key: string): string => (path ? `${path}.${key}` : key);
    for (const key of Object.keys(value)) {
      if (!(key in rules)) problems.push(`${at(key)} is not known; known here: ${Object.keys(rules).join(', ')}`);
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

/** The file that `--config FILE` names. Throws ConfigError. */
export const configFile = (args: readonly string[]): string => {
  const at = args.indexOf('--config');
  const file = args[at + 1];
  if (at < 0 || !file) throw new ConfigError('name a configuration file: --config FILE');
  return file;
};
