/** What flags a command has, found out without yargs: for completion and for typos. */
import type { Argv } from 'yargs';
import { nearestName } from '../proto/schema/nearest.ts';

export interface Flag {
  /** With their dashes, the long one first. */
  readonly names: readonly string[];
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** The flags that a command's builder declares. */
export const flagsOf = (builder: (yargs: Argv) => Argv): readonly Flag[] => {
  const flags: Flag[] = [];
  const recorder: Argv = new Proxy({} as Argv, {
    get: (_, method) => (name: string, options: { alias?: string; type?: string; choices?: readonly string[] } = {}) => {
      if (method === 'option') flags.push({ names: [`--${name}`, ...(options.alias ? [`-${options.alias}`] : [])], takesValue: options.type !== 'boolean', choices: options.choices ?? [] });
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
