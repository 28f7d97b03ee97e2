/** berth exec: a command in a container, with or without a terminal. */
import type { Argv } from 'yargs';
import { podKind } from '../../proto/kinds.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { contextOf } from '../context.ts';
import { CommandFailed, UsageError } from '../errors.ts';
import { converse } from '../exec-stream.ts';
import { type ConverseArguments, converseFlags } from '../flags.ts';
import type { Program } from '../program.ts';
import { containerOf, runningPod } from '../running-pod.ts';

export const command = 'exec <what> [command..]';

export interface ExecArguments extends ConverseArguments {
  readonly command?: readonly string[];
  readonly rest: readonly string[];
}

export const builder = (yargs: Argv): Argv =>
  converseFlags(yargs)
    .positional('command', { type: 'string', array: true, describe: 'The command; after "--" when it has flags' })
    .example('berth exec -it deployment/hello -- sh', 'A shell in one of its pods')
    .example('berth exec hello-7d4-abcde -- cat /etc/hosts', 'What a file in a container holds')
    .example('berth exec -i pod/db -- psql < dump.sql', 'A file for a command to read');

export const run = async (args: ExecArguments, program: Program): Promise<void> => {
  const words = [...(args.command ?? []), ...args.rest];
  if (words.length === 0) throw new UsageError('say which command, such as: berth exec deployment/hello -- ls');
  const hasTerminal = program.streams.stdin.isTTY === true;
  if (args.tty && !hasTerminal) program.stderr.write('stdin is not a terminal; it is passed on as it is\n');
  const context = contextOf(args, program);
  try {
    const pod = await runningPod(args.what, context);
    const query = new URLSearchParams(words.map((word): [string, string] => ['command', word]));
    query.set('container', containerOf(pod, args.container, program));
    query.set('stdout', 'true');
    if (args.stdin) query.set('stdin', 'true');
    query.set(args.tty ? 'tty' : 'stderr', 'true');
    const path = `${objectPath(podKind, pod.metadata.namespace, pod.metadata.name ?? '', 'exec')}?${query.toString()}`;
    const exitCode = await converse({ client: context.client, path, stdin: args.stdin, tty: args.tty }, program);
    if (exitCode !== 0) throw new CommandFailed(exitCode);
  } finally {
    context.client.close();
  }
};
