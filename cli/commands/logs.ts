/** berth logs: what containers print, of one pod or of all pods of a Deployment. */
import type { Argv } from 'yargs';
import { deploymentKind, podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, Pod } from '../../proto/resources/kubernetes.ts';
import { selectorText } from '../../proto/resources/selector.ts';
import type { Selection } from '../../proto/client.ts';
import { type Context, type ContextArguments, contextOf } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { describeFailure, Refused, Told, UsageError } from '../errors.ts';
import { contextFlags } from '../flags.ts';
import { withSuggestion } from '../objects.ts';
import { containersOf, followLogs, type LogRequest, readLogs } from '../pod-logs.ts';
import type { Program } from '../program.ts';
import { displayName, parseTarget } from '../selection.ts';

export const command = 'logs [what..]';

export interface LogsArguments extends ContextArguments {
  readonly what?: readonly string[];
  readonly selector?: string;
  readonly container?: string;
  readonly allContainers: boolean;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly tail?: number;
  readonly since?: string;
  readonly sinceTime?: string;
  readonly timestamps: boolean;
  readonly limitBytes?: number;
  readonly prefix?: boolean;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('what', { type: 'string', array: true, describe: 'A pod’s name, pod/hello-x, deployment/hello; a container’s name may follow a pod’s' })
    .option('selector', { alias: 'l', type: 'string', requiresArg: true, describe: 'Pods with these labels' })
    .option('container', { alias: 'c', type: 'string', requiresArg: true, describe: 'One container of a pod that has several' })
    .option('all-containers', { type: 'boolean', default: false, describe: 'All containers of each pod' })
    .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on with what comes, and with pods that come' })
    .option('previous', { alias: 'p', type: 'boolean', default: false, describe: 'Of the container that ran before the present one' })
    .option('tail', { type: 'number', requiresArg: true, describe: 'Only the last lines; 10 with -l, otherwise all' })
    .option('since', { type: 'string', requiresArg: true, describe: 'Only what is younger than this, such as 5m' })
    .option('since-time', { type: 'string', requiresArg: true, describe: 'Only what is after this time (RFC 3339)' })
    .option('timestamps', { type: 'boolean', default: false, describe: 'Each line with its time' })
    .option('limit-bytes', { type: 'number', requiresArg: true, describe: 'At most so many bytes of each container' })
    .option('prefix', { type: 'boolean', describe: 'Each line with its pod and container; by default when there are several' })
    .example('berth logs deployment/hello -f', 'All its pods, those to come as well')
    .example('berth logs hello-7d4-abcde --previous', 'Why a container crashed')
    .example('berth logs -l app=hello --since 5m', 'The last five minutes of pods with a label');

const queryOf = (args: LogsArguments): LogRequest['query'] => {
  if (args.since !== undefined && args.sinceTime !== undefined) throw new UsageError('--since and --since-time say the same in two ways; use one');
  if (args.tail !== undefined && !Number.isSafeInteger(args.tail)) throw new UsageError('--tail has to be a whole number');
  const tail = args.tail ?? (args.selector ? 10 : -1);
  return {
    tailLines: tail < 0 ? undefined : tail,
    sinceSeconds: args.since === undefined ? undefined : Math.max(1, Math.ceil(parseDurationMs(args.since, '--since') / 1000)),
    sinceTime: args.sinceTime,
    timestamps: args.timestamps || undefined,
    previous: args.previous || undefined,
    limitBytes: args.limitBytes,
  };
};

interface Source {
  readonly selection: Selection;
  /** A single pod's name. */
  readonly one: string | undefined;
  readonly container: string | undefined;
  readonly title: string;
}

const sourceOf = async (args: LogsArguments, context: Context): Promise<Source> => {
  const { namespace } = context;
  const { what = [], container } = args;
  if (args.selector) {
    if (what.length > 0) throw new UsageError('name a pod or choose pods with -l, not both');
    return { selection: { namespace, labelSelector: args.selector }, one: undefined, container, title: `with ${args.selector}` };
  }
  const [first, ...rest] = what;
  if (first === undefined) throw new UsageError('say whose: a pod’s name, deployment/hello, or -l app=hello');
  const isKindAndName = rest.length === 1 && /^(po|pods?|deploy|deployments?|rs|replicasets?)$/.test(first);
  const words = isKindAndName ? [first, ...rest] : [first.includes('/') ? first : `pod/${first}`];
  const { kind, name } = parseTarget(words);
  const named = container ?? (isKindAndName ? undefined : rest[0]);
  if (kind === podKind) return { selection: { namespace, fieldSelector: `metadata.name=${name}` }, one: name, container: named, title: name };
  if (kind !== deploymentKind && kind !== replicaSetKind) throw new UsageError(`${displayName(kind, name)} has no logs; pods, deployments and replicasets have`);
  const owner = await withSuggestion({ kind, name, namespace }, context, () => context.client.get<Deployment>(kind, namespace, name));
  return { selection: { namespace, labelSelector: selectorText(owner.spec?.selector) }, one: undefined, container: named, title: `of ${displayName(kind, name)}` };
};

const podsOf = async ({ selection, one, title }: Source, context: Context): Promise<readonly Pod[]> => {
  if (one !== undefined) return [await withSuggestion({ kind: podKind, namespace: context.namespace, name: one }, context, () => context.client.get<Pod>(podKind, context.namespace, one))];
  const { items } = await context.client.list<Pod>(podKind, selection);
  if (items.length === 0) throw new Refused(`there are no pods ${title} in namespace "${context.namespace}"`);
  return items;
};

/** When nobody said which container, and there are several. */
const tellDefault = (args: LogsArguments, request: LogRequest, pod: Pod): void => {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map(({ name }) => name);
  if (request.container !== undefined || args.allContainers || all.length < 2) return;
  request.program.stderr.write(`Defaulted container "${containersOf(pod, request)[0]}" out of: ${all.join(', ')}\n`);
};

export const run = async (args: LogsArguments, program: Program): Promise<void> => {
  const query = queryOf(args);
  const context = contextOf(args, program);
  try {
    const source = await sourceOf(args, context);
    const request: LogRequest = { client: context.client, program, container: source.container, allContainers: args.allContainers, query, prefix: args.prefix };
    let refused = 0;
    const onRefused = (error: unknown): void => {
      if (program.signal.aborted) return;
      program.stderr.write(`${describeFailure(error, false)}\n`);
      refused += 1;
    };
    if (args.follow && !args.previous) {
      if (source.one !== undefined) for (const pod of await podsOf(source, context)) tellDefault(args, request, pod);
      await followLogs(request, source.selection, source.one, onRefused);
    } else {
      const pods = await podsOf(source, context);
      if (pods[0]) tellDefault(args, request, pods[0]);
      await readLogs(request, pods, onRefused);
    }
    if (refused > 0) throw new Told();
  } finally {
    context.client.close();
  }
};
