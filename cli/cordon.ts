/** Whether pods may come to nodes: what cordon and uncordon have in common. */
import type { Argv } from 'yargs';
import { nodeKind } from '../proto/kinds.ts';
import type { Client, Query } from '../proto/client.ts';
import type { Node } from '../proto/resources/kubernetes.ts';
import { type Context, type ContextArguments, contextOf } from './context.ts';
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

/** Names of the nodes that are meant. Throws UsageError, ApiError. */
export const nodesOf = async (args: CordonArguments, context: Context): Promise<readonly string[]> => {
  const named = [...new Set((args.nodes ?? []).map((name) => name.replace(/^nodes?\//, '')))];
  if ((named.length > 0) === (args.selector !== undefined)) throw new UsageError('say which nodes: by name, such as node-2, or with -l');
  return args.selector === undefined ? named : (await listObjects<Node>(nodeKind, { selector: args.selector }, context)).map(({ metadata }) => metadata.name ?? '');
};

/** Resolves to whether it had to be changed. Throws ApiError, ConnectionError. */
export const markSchedulable = async (client: Client, name: string, schedulable: boolean, query: Query = {}, signal?: AbortSignal): Promise<boolean> => {
  const options = signal ? { signal } : {};
  const node = await client.get<Node>(nodeKind, undefined, name, options);
  if ((node.spec?.unschedulable !== true) === schedulable) return false;
  await client.patch(nodeKind, undefined, name, 'strategic', { spec: { unschedulable: schedulable ? null : true } }, { query, ...options });
  return true;
};

/** Throws UsageError, ApiError. */
export const setSchedulable = async (args: CordonArguments, program: Program, schedulable: boolean): Promise<void> => {
  const context = contextOf(args, program);
  const { client } = context;
  const done = schedulable ? 'uncordoned' : 'cordoned';
  try {
    const names = await nodesOf(args, context);
    if (names.length === 0) program.stderr.write('no node has these labels\n');
    for (const name of names) {
      await withSuggestion({ kind: nodeKind, name, namespace: undefined }, context, async () => {
        const isChanged = await markSchedulable(client, name, schedulable);
        program.stdout.write(`${displayName(nodeKind, name)} ${isChanged ? '' : 'already '}${done}\n`);
      });
    }
  } finally {
    client.close();
  }
};
