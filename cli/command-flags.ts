/** What flags a command has, found out without yargs: for completion, for typos, and for what yargs leaves open. */
import type { Argv } from 'yargs';
import { UsageError } from './errors.ts';
import { nearestName } from '../proto/schema/nearest.ts';

export interface Flag {
  /** With their dashes, the long one first. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly isNumber: boolean;
  /** Whether it may be given several times. */
  readonly isList: boolean;
  readonly choices: readonly string[];
}

/** The flags that a command's builder declares. */
export const flagsOf = (builder: (yargs: Argv) => Argv): readonly Flag[] => {
  const flags: Flag[] = [];
  const recorder: Argv = new Proxy({} as Argv, {
    get: (_, method) => (name: string, options: { alias?: string; type?: string; array?: boolean; choices?: readonly string[] } = {}) => {
      if (method === 'option') {
        const { alias, type, array = false, choices = [] } = options;
        flags.push({ names: [`--${name}`, ...(alias ? [`-${alias}`] : [])], takesValue: type !== 'boolean', isNumber: type === 'number', isList: array, choices });
      }
      return recorder;
    },
  });
  builder(recorder);
  return flags;
};

/** The first of `words` that looks like a flag and is none of the command's, with the nearest one that is. */
export const unknownFlag = (words: readonly string[], builder: (yargs: Argv) => Argv): { readonly word: string; readonly near: string | undefined } | undefined => {
  const names = ['--help', ...flagsOf(builder).flatMap((flag) => [flag.names[0] ?? '', ...(flag.takesValue ? [] : [(flag.names[0] ?? '').replace('--', '--no-')])])];
  const word = words.map((text) => text.split('=')[0] ?? '').find((text) => text.startsWith('--') && text.length > 2 && !names.includes(text));
  return word === undefined ? undefined : { word, near: nearestName(word, names) };
};

const inCamelCase = (name: string): string => name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/**
 * yargs' arguments as commands expect them: of a flag that is given twice the last one counts, as with kubectl, unless it takes
 * several. Throws UsageError where a number is none.
 */
export const settledArguments = (args: Readonly<Record<string, unknown>>, flags: readonly Flag[]): Readonly<Record<string, unknown>> => {
  const settled: Record<string, unknown> = { ...args };
  for (const { names: [flag = ''], isList, isNumber } of flags) {
    const given = args[flag.slice(2)];
    const value: unknown = Array.isArray(given) && !isList ? given.at(-1) : given;
    if (isNumber && Number.isNaN(value)) throw new UsageError(`the flag "${flag}" needs a number`);
    if (value !== given) settled[flag.slice(2)] = settled[inCamelCase(flag.slice(2))] = value;
  }
  return settled;
};
