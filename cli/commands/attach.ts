/** berth attach: a container's own input and outputs. */
import type { Argv } from 'yargs';
import { podKind } from '../../proto/kinds.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { contextOf } from '../context.ts';
import { converse } from '../exec-stream.ts';
import { type ConverseArguments, converseFlags } from '../flags.ts';
import type { Program } from '../program.ts';
import { containerOf, runningPod } from '../running-pod.ts';

export const command = 'attach <what>';

export const builder = (yargs: Argv): Argv =>
  converseFlags(yargs)
    .example('berth attach hello-7d4-abcde', 'What it prints from now on')
    .example('berth attach -it pod/console', 'A program that waits at a terminal of its own');

export const run = async (args: ConverseArguments, program: Program): Promise<void> => {
  const context = contextOf(args, program);
  try {
    const pod = await runningPod(args.what, context);
    const container = containerOf(pod, args.container, program);
    const { stdin = false, tty = false } = pod.spec?.containers.find(({ name }) => name === container) ?? {};
    if (args.stdin && !stdin) program.stderr.write(`container "${container}" has no input (stdin: true in its spec); only its output is shown\n`);
    if (args.tty && !tty) program.stderr.write(`container "${container}" has no terminal (tty: true in its spec)\n`);
    const query = new URLSearchParams({ container, stdout: 'true', stderr: String(!tty), stdin: String(args.stdin && stdin), tty: String(tty) });
    const path = `${objectPath(podKind, pod.metadata.namespace, pod.metadata.name ?? '', 'attach')}?${query.toString()}`;
    await converse({ client: context.client, path, stdin: args.stdin && stdin, tty: args.tty && tty }, program);
  } finally {
    context.client.close();
  }
};
