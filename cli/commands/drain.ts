/** berth drain: moves the work off nodes, so that they can be taken down. */
import type { Argv } from 'yargs';
import { isApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import { objectKey } from '../../proto/resources/meta.ts';
import { type Context, contextOf, showWarning } from '../context.ts';
import { builder as nodesBuilder, type CordonArguments, markSchedulable, nodesOf } from '../cordon.ts';
import { drainNode, type DrainNews, type DrainOptions } from '../drain.ts';
import { parseDurationMs } from '../duration.ts';
import { describeFailure, Refused, Told } from '../errors.ts';
import { withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';
import { displayName } from '../selection.ts';
import { withLimits } from '../waiting.ts';

export const command = 'drain [nodes..]';

export interface DrainArguments extends CordonArguments {
  readonly ignoreDaemonsets: boolean;
  readonly deleteEmptydirData: boolean;
  readonly force: boolean;
  readonly gracePeriod: number;
  readonly timeout: string;
  readonly podSelector?: string;
  readonly dryRun: DrainOptions['dryRun'];
}

export const builder = (yargs: Argv): Argv =>
  nodesBuilder(yargs)
    .option('ignore-daemonsets', { type: 'boolean', default: false, describe: 'Leave pods of a DaemonSet, which would come back at once' })
    .option('delete-emptydir-data', { type: 'boolean', default: false, describe: 'Also pods that lose what is in their emptyDir volumes' })
    .option('force', { type: 'boolean', default: false, describe: 'Also pods without a controller, which nobody makes again' })
    .option('grace-period', { type: 'number', requiresArg: true, default: -1, describe: 'Seconds that a pod has to end by itself; below 0 its own' })
    .option('timeout', { type: 'string', requiresArg: true, default: '0s', describe: 'How long at most, for all nodes; 0 is as long as it takes' })
    .option('pod-selector', { type: 'string', requiresArg: true, describe: 'Only pods with these labels' })
    .option('dry-run', { type: 'string', requiresArg: true, choices: ['none', 'client', 'server'], default: 'none', describe: 'Only tell what would happen' })
    .example('berth drain node-2', 'Its pods move as their disruption budgets allow')
    .example('berth drain node-2 --ignore-daemonsets --delete-emptydir-data', 'With all that usually runs on a node')
    .example('berth drain -l disk=old --timeout 10m', 'All nodes with a label, one after the other');

const dryRunText: Readonly<Record<DrainOptions['dryRun'], string>> = { none: '', client: ' (dry run)', server: ' (server dry run)' };

const newsOn = (program: Program, mark: string): DrainNews => ({
  warning: showWarning(program),
  evicting: (pod) => program.stdout.write(`evicting pod ${objectKey(pod)}${mark}\n`),
  waiting: (pod, why) => program.stderr.write(`pod ${objectKey(pod)} has to wait: ${why}\n`),
  gone: (pod) => program.stdout.write(`pod/${pod.metadata.name} evicted\n`),
});

const cordon = async (names: readonly string[], { dryRun }: DrainArguments, context: Context, program: Program): Promise<void> => {
  for (const name of names) {
    await withSuggestion({ kind: nodeKind, name, namespace: undefined }, context, async () => {
      // To the client's dry run, it is enough that there is such a node.
      const isChanged = dryRun === 'client'
        ? (await context.client.get<{ spec?: { unschedulable?: boolean } }>(nodeKind, undefined, name)).spec?.unschedulable !== true
        : await markSchedulable(context.client, name, false, dryRun === 'server' ? { dryRun: 'All' } : {});
      program.stdout.write(`${displayName(nodeKind, name)} ${isChanged ? '' : 'already '}cordoned${dryRunText[dryRun]}\n`);
    });
  }
};

/** One after the other, so that the work of all has a place to go to. What one node refuses does not stop the others. */
const drain = async (names: readonly string[], args: DrainArguments, { client }: Context, program: Program, signal: AbortSignal): Promise<void> => {
  const { ignoreDaemonsets, deleteEmptydirData, force, gracePeriod, podSelector, dryRun } = args;
  const options: DrainOptions = {
    ignoreDaemonsets, deleteEmptydirData, force, dryRun,
    ...(gracePeriod < 0 ? {} : { gracePeriodSeconds: gracePeriod }),
    ...(podSelector === undefined ? {} : { podSelector }),
  };
  const parts = { client, clock: program.clock, news: newsOn(program, dryRunText[dryRun]) };
  let failures = 0;
  for (const name of names) {
    try {
      await drainNode(name, options, parts, signal);
      program.stdout.write(`${displayName(nodeKind, name)} drained${dryRunText[dryRun]}\n`);
    } catch (error) {
      if (signal.aborted || !(error instanceof Refused || isApiError(error))) throw error;
      program.stderr.write(`${describeFailure(error, program.isColoured)}\n`);
      program.stderr.write(`${displayName(nodeKind, name)} is not drained and stays cordoned\n`);
      failures += 1;
    }
  }
  if (failures > 0) throw new Told();
};

export const run = async (args: DrainArguments, program: Program): Promise<void> => {
  const timeoutMs = parseDurationMs(args.timeout, '--timeout') || undefined;
  const context = contextOf(args, program);
  try {
    const names = await nodesOf(args, context);
    if (names.length === 0) program.stderr.write('no node has these labels\n');
    await cordon(names, args, context, program);
    const lateText = (): string => `not drained after ${args.timeout}: ${names.join(', ')}; cordoned all the same, and "berth drain" goes on where this one ended`;
    await withLimits(program, { timeoutMs, lateText }, (signal) => drain(names, args, context, program, signal));
  } finally {
    context.client.close();
  }
};
