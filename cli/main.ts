/** The `berth` program: finds the command, runs it, turns failures into one line and an exit code (1 failure, 2 usage). */
import { once } from 'node:events';
import { flagsOf, settledArguments, unknownFlag } from './command-flags.ts';
import { commands, groupTitles } from './commands.ts';
import { describeFailure, exitCodeOf, Told, UsageError } from './errors.ts';
import type { Program } from './program.ts';
import { programVersion } from './version.ts';
import { systemClock } from '../proto/process/clock.ts';
import { nearestName } from '../proto/schema/nearest.ts';

const overview = (): string => {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const groups = Object.entries(groupTitles).map(([group, title]) => {
    const rows = Object.entries(commands).filter(([, row]) => row.group === group);
    return rows.length === 0 ? '' : `${title}:\n${rows.map(([name, row]) => `  ${name.padEnd(width)}  ${row.describe}`).join('\n')}\n`;
  });
  return [
    'berth runs containers across machines, through the Kubernetes API.\n',
    ...groups.filter((text) => text !== ''),
    'Examples:',
    '  berth up                                 start a cluster on this machine',
    '  berth apply -f deploy/examples/hello.yaml',
    '  berth get pods -o wide\n',
    '"berth COMMAND --help" tells more about a command.',
  ].join('\n');
};

const openProgram = (): Program => {
  const interrupted = new AbortController();
  process.once('SIGINT', () => {
    interrupted.abort();
    // A second Ctrl-C ends what does not react to the first.
    process.once('SIGINT', () => process.exit(130));
  });
  // `berth get pods | head` closes the pipe early; that is no failure.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  return {
    clock: systemClock,
    env: process.env,
    stdout: { write: (text) => void process.stdout.write(text), isTerminal: process.stdout.isTTY === true },
    stderr: { write: (text) => void process.stderr.write(text), isTerminal: process.stderr.isTTY === true },
    // The getter opens stdin, which would be read from then on.
    get streams() {
      return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
    },
    isColoured: process.stderr.isTTY === true && !process.env['NO_COLOR'],
    flushed: async () => {
      if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
    },
    columns: process.stderr.columns || 100,
    signal: interrupted.signal,
  };
};

/** yargs' complaints, as a person would put them. Those that depend on a number have two forms, which its types do not know. */
const stringsOf = (form: string): Record<string, unknown> => ({
  'Unknown argument: %s': { one: 'there is no flag or argument "%s" here', other: 'there are no flags or arguments %s here' },
  'Unknown arguments: %s': { one: 'there is no flag or argument "%s" here', other: 'there are no flags or arguments %s here' },
  'Missing required argument: %s': { one: 'say --%s', other: 'say %s' },
  'Not enough arguments following: %s': 'the flag "%s" needs a value',
  'Invalid values:': 'wrong value:',
  'Argument: %s, Given: %s, Choices: %s': '%s cannot be %s; it is one of %s',
  'Not enough non-option arguments: got %s, need at least %s': { one: `only %s of %s words of "berth ${form}" are here`, other: `only %s of %s words of "berth ${form}" are here` },
});

/** On one line. */
const usageText = (message: string): string => message.split('\n').map((line) => line.trim()).filter(Boolean).join(' ');

/** `-f -` as one word: a dash alone is stdin, and yargs would take it for an argument of its own. */
const withStdin = (args: readonly string[]): readonly string[] =>
  args.flatMap((arg, at) => (arg === '-' && args[at - 1]?.startsWith('-') ? [] : args[at + 1] === '-' && arg.startsWith('-') ? [`${arg}=-`] : [arg]));

const runCommand = async (name: string, words: readonly string[], program: Program): Promise<void> => {
  const row = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!row) {
    const near = nearestName(name, Object.keys(commands));
    throw new UsageError(`there is no command "${name}"${near ? `; did you mean "${near}"?` : '.'} "berth --help" lists them all.`);
  }
  // What follows "--" belongs to the command in the container, whatever it looks like.
  const end = row.takesRest ? words.indexOf('--') : -1;
  const rest = end < 0 ? words : words.slice(0, end);
  const [module, { default: yargs }] = await Promise.all([row.load(), import('yargs')]);
  let failure: unknown;
  let parsed: { readonly args: Readonly<Record<string, unknown>> } | undefined;
  await yargs([name, ...withStdin(rest)])
    .scriptName('berth')
    .version(false)
    .strict()
    .exitProcess(false)
    .locale('en')
    .wrap(Math.min(process.stdout.columns ?? 100, 110))
    // One value for each -f, so that what follows is not taken for more of them.
    .parserConfiguration({ 'greedy-arrays': false })
    .updateStrings(stringsOf(module.command) as Record<string, string>)
    .fail((message, error) => {
      // yargs names it without its dashes, and in two spellings.
      const unknown = unknownFlag(rest, module.builder);
      const what = unknown ? `there is no flag "${unknown.word}" here${unknown.near ? `; did you mean "${unknown.near}"?` : ';'}` : `${usageText(message ?? error.message)};`;
      failure ??= new UsageError(`${what} "berth ${name} --help" tells more`);
    })
    // Only remembered here: a handler would run even when the arguments turn out to be wrong.
    .command({ command: module.command, describe: row.describe, builder: module.builder, handler: (args) => { parsed = { args }; } })
    .parseAsync();
  if (failure !== undefined) throw failure;
  if (parsed) await module.run({ ...settledArguments(parsed.args, flagsOf(module.builder)), rest: end < 0 ? [] : words.slice(end + 1) } as never, program);
};

const main = async (args: readonly string[]): Promise<void> => {
  const program = openProgram();
  const [name, ...rest] = args;
  try {
    if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) program.stdout.write(`${overview()}\n`);
    else if (name === '--version') program.stdout.write(`berth ${programVersion}\n`);
    else if (name === '__complete') await (await import('./completion.ts')).complete(rest, program);
    else if (name === 'help') await runCommand(rest[0] ?? '', [...rest.slice(1), '--help'], program);
    else await runCommand(name, rest, program);
    if (program.signal.aborted) process.exitCode = 130;
    else if (name === undefined) process.exitCode = 2;
  } catch (error) {
    if (program.signal.aborted) process.exitCode = 130;
    else {
      if (!(error instanceof Told)) program.stderr.write(`${describeFailure(error, program.isColoured)}\n`);
      process.exitCode = exitCodeOf(error);
    }
  }
};

await main(process.argv.slice(2));
