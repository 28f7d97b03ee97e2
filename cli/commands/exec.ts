/** berth exec: a command in a container, with or without a terminal. */
import type { Argv } from 'yargs';
import { deploymentKind, podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, Pod } from '../../proto/resources/kubernetes.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { selectorText } from '../../proto/resources/selector.ts';
import { type Context, type ContextArguments, contextOf } from '../context.ts';
import { CommandFailed, Refused, UsageError } from '../errors.ts';
import { converse } from '../exec-stream.ts';
import { contextFlags } from '../flags.ts';
import { withSuggestion } from '../objects.ts';
import { containersOf } from '../pod-logs.ts';
import type { Program } from '../program.ts';
import { displayName, parseTarget } from '../selection.ts';

export const command = 'exec <what> [command..]';

export interface ExecArguments extends ContextArguments {
  readonly what: string;
  readonly command?: readonly string[];
  readonly rest: readonly string[];
  readonly container?: string;
  readonly stdin: boolean;
  readonly tty: boolean;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('what', { type: 'string', describe: 'A pod’s name, or pod/hello-x, deployment/hello: one of its ready pods' })
    .positional('command', { type: 'string', array: true, describe: 'The command; after "--" when it has flags' })
    .option('container', { alias: 'c', type: 'string', requiresArg: true, describe: 'One container of a pod that has several; the first by default' })
    .option('stdin', { alias: 'i', type: 'boolean', default: false, describe: 'Pass stdin on, to its end' })
    .option('tty', { alias: 't', type: 'boolean', default: false, describe: 'Give the command a terminal' })
    .example('berth exec -it deployment/hello -- sh', 'A shell in one of its pods')
    .example('berth exec hello-7d4-abcde -- cat /etc/hosts', 'What a file in a container holds')
    .example('berth exec -i pod/db -- psql < dump.sql', 'A file for a command to read');

const isRunning = ({ status, metadata }: Pod): boolean => status?.phase === 'Running' && !metadata.deletionTimestamp;

/** The pod that is meant; of several a ready one. */
const podOf = async (what: string, context: Context): Promise<Pod> => {
  const { client, namespace } = context;
  const { kind, name } = parseTarget([what.includes('/') ? what : `pod/${what}`]);
  if (kind === podKind) return withSuggestion({ kind, namespace, name }, context, () => client.get<Pod>(kind, namespace, name));
  if (kind !== deploymentKind && kind !== replicaSetKind) throw new UsageError(`${displayName(kind, name)} has no containers; pods, deployments and replicasets have`);
  const owner = await withSuggestion({ kind, name, namespace }, context, () => client.get<Deployment>(kind, namespace, name));
  const { items } = await client.list<Pod>(podKind, { namespace, labelSelector: selectorText(owner.spec?.selector) });
  const running = items.filter(isRunning);
  const pod = running.find(isPodReady) ?? running[0];
  if (!pod) throw new Refused(`no pod of ${displayName(kind, name)} runs in namespace "${namespace}"`);
  return pod;
};

const containerOf = (pod: Pod, { container }: ExecArguments, { stderr }: Program): string => {
  const [chosen = ''] = containersOf(pod, { container, allContainers: false });
  const names = (pod.spec?.containers ?? []).map(({ name }) => name);
  if (container === undefined && names.length > 1) stderr.write(`Defaulted container "${chosen}" out of: ${names.join(', ')}\n`);
  return chosen;
};

export const run = async (args: ExecArguments, program: Program): Promise<void> => {
  const words = [...(args.command ?? []), ...args.rest];
  if (words.length === 0) throw new UsageError('say which command, such as: berth exec deployment/hello -- ls');
  const hasTerminal = program.streams.stdin.isTTY === true;
  if (args.tty && !hasTerminal) program.stderr.write('stdin is not a terminal; it is passed on as it is\n');
  const context = contextOf(args, program);
  try {
    const pod = await podOf(args.what, context);
    const query = new URLSearchParams(words.map((word): [string, string] => ['command', word]));
    query.set('container', containerOf(pod, args, program));
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
