/** berth describe: one object and what belongs to it, for people: its state, its conditions, its events. */
import type { Argv } from 'yargs';
import { isApiError } from '../../proto/errors.ts';
import {
  configMapKind, deploymentKind, eventKind, type Kind, namespaceKind, nodeKind, podKind, replicaSetKind, secretKind, serviceKind,
} from '../../proto/kinds.ts';
import type { Event, KubeObject } from '../../proto/resources/kubernetes.ts';
import { type Context, contextOf } from '../context.ts';
import { layOut } from '../describe/layout.ts';
import { type Describer, eventsEntry } from '../describe/subject.ts';
import { Told } from '../errors.ts';
import { manifestFlags, selectionFlags } from '../flags.ts';
import { type ObjectArguments, type ObjectName, resolveObjects, withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';

export const command = 'describe [what..]';

export interface DescribeArguments extends ObjectArguments {
  readonly showEvents: boolean;
}

export const builder = (yargs: Argv): Argv =>
  manifestFlags(selectionFlags(yargs))
    .positional('what', { type: 'string', array: true, describe: 'pod/hello-x, "deploy hello", nodes' })
    .option('show-events', { type: 'boolean', default: true, describe: 'What happened to it, at the end' })
    .example('berth describe pod/hello-7d4-abcde', 'A pod: its containers, why it is where it is, its events')
    .example('berth describe deployment hello', 'A rollout and what holds it up')
    .example('berth describe nodes', 'All nodes');

const describers: ReadonlyMap<Kind, () => Promise<Describer<never>>> = new Map<Kind, () => Promise<Describer<never>>>([
  [podKind, async () => (await import('../describe/pod.ts')).describePod],
  [deploymentKind, async () => (await import('../describe/workloads.ts')).describeDeployment],
  [replicaSetKind, async () => (await import('../describe/workloads.ts')).describeReplicaSet],
  [nodeKind, async () => (await import('../describe/cluster.ts')).describeNode],
  [namespaceKind, async () => (await import('../describe/cluster.ts')).describeNamespace],
  [serviceKind, async () => (await import('../describe/cluster.ts')).describeService],
  [configMapKind, async () => (await import('../describe/data.ts')).describeConfigMap],
  [secretKind, async () => (await import('../describe/data.ts')).describeSecret],
]);

const describerOf = async (kind: Kind): Promise<Describer<KubeObject>> =>
  ((await describers.get(kind)?.()) as Describer<KubeObject> | undefined) ?? (await import('../describe/data.ts')).describeAnything;

/** Events name nodes by name alone (the agent knows no uid), everything else by uid too. */
const eventsOf = async ({ kind, namespace, name }: ObjectName, { metadata }: KubeObject, context: Context): Promise<readonly Event[]> => {
  const selector = [`involvedObject.kind=${kind.kind}`, `involvedObject.name=${name}`, ...(kind.namespaced ? [`involvedObject.uid=${metadata.uid ?? ''}`] : [])];
  return (await context.client.list<Event>(eventKind, { ...(namespace ? { namespace } : {}), fieldSelector: selector.join(',') })).items;
};

const describeOne = async (object: ObjectName, args: DescribeArguments, context: Context, program: Program): Promise<string> => {
  const found = await withSuggestion(object, context, () => context.client.get(object.kind, object.namespace, object.name));
  const [events, describer] = await Promise.all([args.showEvents ? eventsOf(object, found, context) : [], describerOf(object.kind)]);
  const subject = { object: found, events, client: context.client, nowMs: program.clock.nowMs() };
  const entries = await describer(subject);
  return layOut(args.showEvents ? [...entries, eventsEntry(subject)] : entries);
};

export const run = async (args: DescribeArguments, program: Program): Promise<void> => {
  const context = contextOf(args, program);
  try {
    const objects = await resolveObjects({ ...args, all: true }, context);
    if (objects.length === 0) program.stderr.write('No resources found\n');
    let failures = 0;
    for (const [index, object] of objects.entries()) {
      try {
        program.stdout.write(`${index > 0 ? '\n\n' : ''}${await describeOne(object, args, context, program)}`);
      } catch (error) {
        if (objects.length === 1 || !isApiError(error)) throw error;
        program.stderr.write(`error: ${error.message}\n`);
        failures += 1;
      }
    }
    if (failures > 0) throw new Told();
  } finally {
    context.client.close();
  }
};
