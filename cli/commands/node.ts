/** berth node: machines of a local cluster come, go, and lose their power. */
import type { Argv } from 'yargs';
import { objectKey } from '../../proto/resources/meta.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import { markSchedulable } from '../cordon.ts';
import { drainNode } from '../drain.ts';
import { parseDurationMs } from '../duration.ts';
import { Refused, UsageError } from '../errors.ts';
import { openAdmin } from '../local/admin.ts';
import { isController } from '../local/controllers.ts';
import { exclusively } from '../local/exclusive.ts';
import { isReady, killNode, type NodeContext, removeNode, startNode } from '../local/nodes.ts';
import { ensureCertificates } from '../local/pki.ts';
import { checkHost } from '../local/preflight.ts';
import { supervised } from '../local/processes.ts';
import { createProgress, type Progress } from '../local/progress.ts';
import { nodeProcesses } from '../local/services.ts';
import { type ClusterSettings, defaultDataDir, nodeName, nodesMax, paths, readSettings, trueDataDir, withMoreNodes, writeSettings } from '../local/settings.ts';
import { together } from '../local/together.ts';
import type { Program } from '../program.ts';
import { withLimits } from '../waiting.ts';

export const command = 'node <action> [names..]';

const actions = ['add', 'remove', 'kill', 'start'] as const;

export interface NodeArguments {
  readonly action: (typeof actions)[number];
  readonly names?: readonly string[];
  readonly dataDir: string;
  readonly force: boolean;
  readonly timeout: string;
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('action', { type: 'string', choices: actions, describe: 'What to do' })
    .positional('names', { type: 'string', array: true, describe: 'Which nodes, such as node-2; "add" takes the next free number' })
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'Where the cluster keeps everything' })
    .option('force', { type: 'boolean', default: false, describe: 'remove: do not wait until its pods run elsewhere' })
    .option('timeout', { type: 'string', requiresArg: true, default: '60s', describe: 'remove: how long its pods may take to leave' })
    .example('sudo berth node add', 'One node more')
    .example('sudo berth node remove node-4', 'Move its pods away, then remove it and its files')
    .example('sudo berth node kill node-2', 'Cut its power: nobody is told')
    .example('sudo berth node start node-2', 'Switch it on again');

/** What the actions work with. */
interface Job {
  readonly args: NodeArguments;
  readonly program: Program;
  readonly progress: Progress;
  readonly settings: ClusterSettings;
  /** Numbers of the nodes that are named. */
  readonly indexes: readonly number[];
}

/** Throws UsageError where a name is none of the cluster's. */
const indexesOf = ({ action, names = [] }: NodeArguments, settings: ClusterSettings): readonly number[] => {
  if (action === 'add') {
    if (names.length > 0) throw new UsageError('"berth node add" gives the name itself: leave it out');
    return [];
  }
  const known = settings.nodes.map(nodeName).join(', ');
  if (names.length === 0) throw new UsageError(`say which node to ${action}: ${known}`);
  return [...new Set(names)].map((name) => {
    const index = settings.nodes.find((candidate) => nodeName(candidate) === name);
    if (index === undefined) throw new UsageError(`the cluster in ${settings.dataDir} has no ${name}; it has ${known}`);
    return index;
  });
};

/** Runs `work` with a client of the cluster. Throws Refused where none of its controllers runs. */
const withCluster = async ({ settings, program }: Job, work: (context: NodeContext) => Promise<void>): Promise<void> => {
  if (!supervised(paths(settings.dataDir)).some(isController)) {
    throw new Refused(`the cluster in ${settings.dataDir} is not running; "sudo berth up" starts it`);
  }
  const certificates = await ensureCertificates(settings);
  const client = openAdmin(settings, certificates, program.clock);
  try {
    await work({ settings, client, authority: certificates.authority, clock: program.clock, signal: program.signal });
  } finally {
    client.close();
  }
};

const add = async (job: Job): Promise<void> => {
  const { settings, progress } = job;
  if (settings.nodes.length >= nodesMax) throw new Refused(`the cluster has ${nodesMax} nodes, and its network has room for no more`);
  const nodes = withMoreNodes(settings.nodes, settings.nodes.length + 1);
  const index = nodes.find((candidate) => !settings.nodes.includes(candidate)) ?? 0;
  await withCluster(job, async (context) => {
    const grown = { ...settings, nodes };
    // Before it is made, so that the next `up` finishes one that is cut off.
    writeSettings(grown);
    await progress.step(nodeName(index), () => startNode({ ...context, settings: grown }, index));
  });
};

const start = (job: Job): Promise<void> =>
  withCluster(job, (context) => together(job.indexes.map((index) => job.progress.step(nodeName(index), async (note) => {
    if (!(await startNode(context, index))) note('already running');
  }))));

const kill = ({ indexes, progress, settings, program }: Job): Promise<void> =>
  together(indexes.map((index) => progress.step(`${nodeName(index)} is without power`, () => killNode(settings, index, program.clock))));

/** One that is dead cannot be drained: nobody would end its pods. */
const drain = async ({ args, program, progress, settings }: Job, { client }: NodeContext, name: string): Promise<void> => {
  if (args.force || !nodeProcesses(name).every((process) => supervised(paths(settings.dataDir)).includes(process))) return;
  const node = await client.get<Node>(nodeKind, undefined, name).catch((error: unknown) => {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  });
  if (!node || !isReady(node)) return;
  const limits = {
    timeoutMs: parseDurationMs(args.timeout, '--timeout'),
    lateText: () => `${name} still has pods after ${args.timeout} and stays, cordoned; "berth get pods -A --field-selector spec.nodeName=${name}" shows them, and --force removes it all the same`,
  };
  await progress.step(`${name} drained`, (note) => withLimits(program, limits, async (signal) => {
    const news = { warning: () => undefined, evicting: () => undefined, gone: () => undefined, waiting: (pod: Pod, why: string) => note(`${objectKey(pod)} has to wait: ${why}`) };
    await markSchedulable(client, name, false, {}, signal);
    // The machine goes, whatever its pods are.
    await drainNode(name, { ignoreDaemonsets: true, deleteEmptydirData: true, force: true, dryRun: 'none' }, { client, clock: program.clock, news }, signal);
  }));
};

const remove = async (job: Job): Promise<void> => {
  const { settings, indexes, progress } = job;
  const nodes = settings.nodes.filter((index) => !indexes.includes(index));
  if (nodes.length === 0) throw new Refused(`the cluster in ${settings.dataDir} would have no node left; "berth down" removes all of it`);
  await withCluster(job, async (context) => {
    let left = settings;
    // One after the other, so that the work of all has a place to go to.
    for (const index of indexes) {
      await drain(job, context, nodeName(index));
      await progress.step(`${nodeName(index)} removed`, () => removeNode(context, index));
      left = { ...left, nodes: left.nodes.filter((other) => other !== index) };
      writeSettings(left);
    }
  });
};

const runs: Readonly<Record<NodeArguments['action'], (job: Job) => Promise<void>>> = { add, remove, kill, start };

export const run = async (args: NodeArguments, program: Program): Promise<void> => {
  checkHost();
  const dataDir = trueDataDir(args.dataDir);
  await exclusively(dataDir, () => program.stderr.write('another berth up, down or node is at work on this cluster; waiting for it\n'), async () => {
    const settings = readSettings(dataDir);
    if (!settings) throw new Refused(`there is no cluster in ${dataDir}; "sudo berth up" makes one`);
    const progress = createProgress(program.stderr, program.clock);
    await runs[args.action]({ args, program, progress, settings, indexes: indexesOf(args, settings) });
  }, program.signal);
};
