/** Whether pods may come to nodes: what cordon and uncordon have in common. */
import type { Argv } from 'yargs';
import { nodeKind } from '../proto/kinds.ts';
import type { Node } from '../proto/resources/kubernetes.ts';
import { type ContextArguments, contextOf } from './context.ts';
import { UsageError } from './errors.ts';
import { contextFlags } from './flags.ts';
import { listObjects, withSuggestion } from './objects.ts';
import type { Program } from './program.ts';
import { displayName } from './selection.ts';

export interface CordonArguments extends ContextArguments {
  readonly nodes?: readonly string[];
  readonly selector?: string;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('nodes', { type: 'string', array: true, describe: 'Which nodes' })
    .option('selector', { alias: 'l', type: 'string', requiresArg: true, describe: 'Nodes with these labels' });

/** Throws UsageError, ApiError. */
export const setSchedulable = async (args: CordonArguments, program: Program, schedulable: boolean): Promise<void> => {
  const named = [...new Set((args.nodes ?? []).map((name) => name.replace(/^nodes?\//, '')))];
  if ((named.length > 0) === (args.selector !== undefined)) throw new UsageError('say which nodes: by name, such as node-2, or with -l');
  const context = contextOf(args, program);
  const { client } = context;
  const done = schedulable ? 'uncordoned' : 'cordoned';
  try {
    const names = args.selector === undefined ? named : (await listObjects<Node>(nodeKind, { selector: args.selector }, context)).map(({ metadata }) => metadata.name ?? '');
    if (names.length === 0) program.stderr.write('no node has these labels\n');
    for (const name of names) {
      await withSuggestion({ kind: nodeKind, name, namespace: undefined }, context, async () => {
        const node = await client.get<Node>(nodeKind, undefined, name);
        const isDone = (node.spec?.unschedulable !== true) === schedulable;
        if (!isDone) await client.patch(nodeKind, undefined, name, 'strategic', { spec: { unschedulable: schedulable ? null : true } });
        program.stdout.write(`${displayName(nodeKind, name)} ${isDone ? 'already ' : ''}${done}\n`);
      });
    }
  } finally {
    client.close();
  }
};
