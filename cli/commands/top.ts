/** berth top: processor time and memory of nodes or pods, as just measured. */
import type { Argv } from 'yargs';
import { nodeKind, nodeMetricsKind, podMetricsKind } from '../../proto/kinds.ts';
import type { KubeObject, Node } from '../../proto/resources/kubernetes.ts';
import { milliValue, wholeValue } from '../../proto/resources/quantity.ts';
import { type Context, contextOf } from '../context.ts';
import { UsageError } from '../errors.ts';
import { selectionFlags, type SelectionArguments } from '../flags.ts';
import type { Program } from '../program.ts';
import { TableWriter } from '../table.ts';

export const command = 'top <what> [name]';

export interface TopArguments extends SelectionArguments {
  readonly what: string;
  readonly name?: string;
  readonly containers: boolean;
  readonly sortBy?: string;
  readonly headers: boolean;
}

export const builder = (yargs: Argv): Argv =>
  selectionFlags(yargs)
    .positional('what', { type: 'string', describe: 'nodes or pods' })
    .positional('name', { type: 'string', describe: 'Only this one' })
    .option('containers', { type: 'boolean', default: false, describe: 'Each container of a pod by itself' })
    .option('sort-by', { type: 'string', requiresArg: true, describe: 'The largest first: cpu or memory; by name otherwise' })
    .option('headers', { type: 'boolean', default: true, describe: 'The table’s first line; --no-headers leaves it out' })
    .example('berth top nodes', 'How much of each node is in use')
    .example('berth top pods -A --sort-by memory', 'Who takes the memory')
    .example('berth top pods -l app=hello --containers', 'Each container of some pods');

interface Amounts {
  readonly cpu: string;
  readonly memory: string;
}

interface NodeMetrics extends KubeObject {
  readonly usage: Amounts;
}

interface PodMetrics extends KubeObject {
  readonly containers: readonly { readonly name: string; readonly usage: Amounts }[];
}

interface Used {
  readonly cpuMilli: number;
  readonly memoryBytes: number;
}

/** What a line begins with, and what it tells of. */
export interface UsedLine extends Used {
  readonly words: readonly string[];
}

const usedOf = ({ cpu, memory }: Amounts): Used => ({ cpuMilli: milliValue(cpu), memoryBytes: wholeValue(memory) });

const orders: Readonly<Record<string, (a: UsedLine, b: UsedLine) => number>> = {
  cpu: (a, b) => b.cpuMilli - a.cpuMilli,
  memory: (a, b) => b.memoryBytes - a.memoryBytes,
};

/** Throws UsageError. */
export const ordered = (lines: readonly UsedLine[], sortBy: string | undefined): readonly UsedLine[] => {
  const byName = lines.toSorted((a, b) => (a.words.join('\0') < b.words.join('\0') ? -1 : 1));
  if (sortBy === undefined) return byName;
  const order = Object.hasOwn(orders, sortBy) ? orders[sortBy] : undefined;
  if (!order) throw new UsageError(`--sort-by ${sortBy} is not known; known are ${Object.keys(orders).join(' and ')}`);
  return byName.toSorted(order);
};

const cpuText = ({ cpuMilli }: Used): string => `${cpuMilli}m`;
const memoryText = ({ memoryBytes }: Used): string => `${Math.ceil(memoryBytes / 2 ** 20)}Mi`;
const share = (part: number, whole: number): string => (whole > 0 ? `${Math.floor((part * 100) / whole)}%` : '<unknown>');

const read = async <T extends KubeObject>(kind: typeof podMetricsKind, args: TopArguments, { client, namespace }: Context): Promise<readonly T[]> => {
  if (args.name !== undefined) return [await client.get<T>(kind, kind.namespaced ? namespace : undefined, args.name)];
  const { items } = await client.list<T>(kind, {
    ...(kind.namespaced && !args.allNamespaces ? { namespace } : {}),
    ...(args.selector ? { labelSelector: args.selector } : {}),
    ...(args.fieldSelector ? { fieldSelector: args.fieldSelector } : {}),
  });
  return items;
};

const nodeRows = async (args: TopArguments, context: Context): Promise<readonly (readonly string[])[]> => {
  const [measured, nodes] = await Promise.all([read<NodeMetrics>(nodeMetricsKind, args, context), context.client.list<Node>(nodeKind)]);
  const allocatable = new Map(nodes.items.map(({ metadata, status }) => [metadata.name, status?.allocatable ?? {}]));
  const lines = measured.map(({ metadata, usage }): UsedLine => ({ words: [metadata.name ?? ''], ...usedOf(usage) }));
  return [
    ['NAME', 'CPU', 'CPU%', 'MEMORY', 'MEMORY%'],
    ...ordered(lines, args.sortBy).map((line) => {
      const { cpu = '0', memory = '0' } = allocatable.get(line.words[0]) ?? {};
      return [...line.words, cpuText(line), share(line.cpuMilli, milliValue(cpu)), memoryText(line), share(line.memoryBytes, wholeValue(memory))];
    }),
  ];
};

const podRows = async (args: TopArguments, context: Context): Promise<readonly (readonly string[])[]> => {
  const measured = await read<PodMetrics>(podMetricsKind, args, context);
  const where = ({ metadata: { namespace = '', name = '' } }: PodMetrics): string[] => [...(args.allNamespaces ? [namespace] : []), name];
  const lines = measured.flatMap((pod): UsedLine[] => {
    const each = pod.containers.map(({ name, usage }) => ({ words: [...where(pod), name], ...usedOf(usage) }));
    if (args.containers) return each;
    const sum = (of: keyof Used): number => each.reduce((total, used) => total + used[of], 0);
    return [{ words: where(pod), cpuMilli: sum('cpuMilli'), memoryBytes: sum('memoryBytes') }];
  });
  return [
    [...(args.allNamespaces ? ['NAMESPACE'] : []), ...(args.containers ? ['POD', 'NAME'] : ['NAME']), 'CPU', 'MEMORY'],
    ...ordered(lines, args.sortBy).map((line) => [...line.words, cpuText(line), memoryText(line)]),
  ];
};

const nodeNames: readonly string[] = ['node', 'nodes', 'no'];
const podNames: readonly string[] = ['pod', 'pods', 'po'];

export const run = async (args: TopArguments, program: Program): Promise<void> => {
  if (!nodeNames.includes(args.what) && !podNames.includes(args.what)) throw new UsageError(`what ${args.what} use is not measured; say nodes or pods`);
  // Before anything is asked.
  ordered([], args.sortBy);
  const context = contextOf(args, program);
  try {
    const [header = [], ...rows] = podNames.includes(args.what) ? await podRows(args, context) : await nodeRows(args, context);
    if (rows.length > 0) program.stdout.write(new TableWriter().format(args.headers ? [header, ...rows] : rows));
    else program.stderr.write('Nothing is measured there\n');
  } finally {
    context.client.close();
  }
};
