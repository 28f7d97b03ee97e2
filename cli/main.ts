/** The `berth` program: finds the command, runs it, turns failures into one line and an exit code (1 failure, 2 usage). */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { systemClock } from '../proto/process/clock.ts';
import * as build from './commands/build.ts';
import * as down from './commands/down.ts';
import * as up from './commands/up.ts';
import { UsageError } from './errors.ts';
import type { Program } from './program.ts';

const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const program: Program = {
  clock: systemClock,
  env: process.env,
  stdout: { write: (text) => void process.stdout.write(text), isTerminal: process.stdout.isTTY === true },
  stderr: { write: (text) => void process.stderr.write(text), isTerminal: process.stderr.isTTY === true },
  signal: interrupted.signal,
};

const fail = (error: unknown): void => {
  program.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
};

await yargs(hideBin(process.argv))
  .scriptName('berth')
  .strict()
  .demandCommand(1)
  .command({ ...up, handler: (args) => up.run(args as never, program).catch(fail) })
  .command({ ...down, handler: (args) => down.run(args as never, program).catch(fail) })
  .command({ ...build, handler: (args) => build.run(args as never, program).catch(fail) })
  .parseAsync();
