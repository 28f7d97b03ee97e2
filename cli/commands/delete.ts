/** berth delete: ends objects, and waits until they are gone. */
import type { Argv } from 'yargs';
import { isApiError } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { type Context, contextOf, showWarning } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { Told, UsageError } from '../errors.ts';
import { manifestFlags, selectionFlags } from '../flags.ts';
import { follow } from '../follow.ts';
import { type ObjectArguments, type ObjectName, resolveObjects, withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';
import { displayName } from '../selection.ts';
import { liveLine, withLimits } from '../waiting.ts';

export const command = 'delete [what..]';

export interface DeleteArguments extends ObjectArguments {
  readonly gracePeriod?: number;
  readonly force: boolean;
  readonly now: boolean;
  readonly cascade: string;
  readonly ignoreNotFound: boolean;
  readonly wait: boolean;
  readonly timeout?: string;
  readonly output?: string;
  readonly dryRun?: string;
}

export const builder = (yargs: Argv): Argv =>
  manifestFlags(selectionFlags(yargs))
    .positional('what', { type: 'string', array: true, describe: 'deployment/hello, "pods a b", "pods" with -l or --all' })
    .option('all', { type: 'boolean', default: false, describe: 'All of the kind in the namespace' })
    .option('grace-period', { type: 'number', requiresArg: true, describe: 'Seconds that a pod has to end by itself' })
    .option('now', { type: 'boolean', default: false, describe: 'The same as --grace-period=1' })
    .option('force', { type: 'boolean', default: false, describe: 'With --grace-period=0: forget it at once, even if it may still run' })
    .option('cascade', { type: 'string', requiresArg: true, choices: ['background', 'foreground', 'orphan'], default: 'background', describe: 'What becomes of what it owns' })
    .option('ignore-not-found', { type: 'boolean', default: false, describe: 'What is not there is no failure' })
    .option('wait', { type: 'boolean', default: true, describe: 'Until it is gone' })
    .option('timeout', { type: 'string', requiresArg: true, describe: 'How long to wait at most, such as 90s or 5m' })
    .option('output', { alias: 'o', type: 'string', requiresArg: true, choices: ['name'], describe: 'name: print names alone' })
    .option('dry-run', { type: 'string', requiresArg: true, choices: ['none', 'client', 'server'], default: 'none', describe: 'Only tell what would happen' })
    .example('berth delete deployment/hello', 'With its pods')
    .example('berth delete -f deploy/examples/hello.yaml', 'What a file names')
    .example('berth delete pods -l app=hello --now', 'Pods with a label, in a hurry');

const policies: Readonly<Record<string, string>> = { background: 'Background', foreground: 'Foreground', orphan: 'Orphan' };

/** As kubectl has it: without --force, no grace at all is a second. */
const graceOf = (args: DeleteArguments): number | undefined => {
  if (args.now) return 1;
  if (args.gracePeriod === undefined || args.gracePeriod < 0) return args.force ? 0 : undefined;
  return args.gracePeriod === 0 && !args.force ? 1 : args.gracePeriod;
};

interface Gone extends ObjectName {
  readonly uid: string | undefined;
}

/** Undefined when it was not there and that is all right. */
const deleteOne = async (object: ObjectName, args: DeleteArguments, context: Context): Promise<Gone | undefined> => {
  const { kind, namespace, name } = object;
  const grace = graceOf(args);
  const body = {
    kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: policies[args.cascade],
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(args.dryRun === 'server' ? { dryRun: ['All'] } : {}),
  };
  try {
    const answer = args.dryRun === 'client'
      ? await context.client.get(kind, namespace, name)
      : await context.client.delete<KubeObject & { details?: { uid?: string } }>(kind, namespace, name, { body });
    return { ...object, uid: answer.metadata?.uid ?? (answer['details'] as { uid?: string } | undefined)?.uid };
  } catch (error) {
    if (isApiError(error, 'NotFound') && args.ignoreNotFound) return undefined;
    throw error;
  }
};

const doneWord = (args: DeleteArguments): string =>
  `${args.force ? 'force deleted' : 'deleted'}${args.dryRun === 'client' ? ' (dry run)' : args.dryRun === 'server' ? ' (server dry run)' : ''}`;

const groupTitle = (kind: Kind): string => `${kind.singular}${kind.group ? `.${kind.group}` : ''}`;

/** Until each is gone, or something else has its name. One watch for each kind and namespace. */
const waitUntilGone = async (gone: readonly Gone[], context: Context, program: Program, timeoutMs: number | undefined): Promise<void> => {
  const line = liveLine(program);
  const left = new Set(gone);
  const names = (): string => [...left].slice(0, 3).map(({ kind, name }) => displayName(kind, name)).join(', ') + (left.size > 3 ? ` and ${left.size - 3} more` : '');
  const groups = Map.groupBy(gone, ({ kind, namespace }) => `${kind.apiVersion}/${kind.plural}/${namespace ?? ''}`);
  try {
    await withLimits(program, { timeoutMs, lateText: () => `still there after ${(timeoutMs ?? 0) / 1000} s: ${names()}` }, (signal) =>
      Promise.all([...groups.values()].map(async (members) => {
        const [{ kind, namespace, name }] = members as [Gone];
        const selection = { ...(namespace ? { namespace } : {}), ...(members.length === 1 ? { fieldSelector: `metadata.name=${name}` } : {}) };
        for await (const present of follow(context.client, kind, selection, signal)) {
          for (const member of members) {
            const found = present.get(member.namespace ? `${member.namespace}/${member.name}` : member.name);
            if (!found || (member.uid !== undefined && found.metadata.uid !== member.uid)) left.delete(member);
          }
          if (!members.some((member) => left.has(member))) return;
          if (program.stderr.isTerminal) line.show(`waiting for ${names()} to end`);
        }
      })));
  } finally {
    line.clear();
  }
};

export const run = async (args: DeleteArguments, program: Program): Promise<void> => {
  if (args.now && args.gracePeriod !== undefined) throw new UsageError('--now and --grace-period say the same in two ways; use one');
  if (args.force && args.gracePeriod !== undefined && args.gracePeriod > 0) throw new UsageError('--force forgets it at once; --grace-period cannot be above 0 with it');
  const timeoutMs = args.timeout === undefined ? undefined : parseDurationMs(args.timeout, '--timeout');
  const context = contextOf(args, program);
  try {
    const objects = await resolveObjects(args, context);
    if (objects.length === 0) program.stderr.write('No resources found\n');
    if (args.force) showWarning(program)('forced: the object is forgotten without waiting for its processes, which may go on for a while');
    const gone: Gone[] = [];
    let failures = 0;
    for (const object of objects) {
      try {
        const one = await withSuggestion(object, context, () => deleteOne(object, args, context));
        if (!one) continue;
        gone.push(one);
        program.stdout.write(args.output === 'name' ? `${displayName(object.kind, object.name)}\n` : `${groupTitle(object.kind)} "${object.name}" ${doneWord(args)}\n`);
      } catch (error) {
        if (objects.length === 1 || !isApiError(error)) throw error;
        program.stderr.write(`error: ${error.message}\n`);
        failures += 1;
      }
    }
    // What owns nothing any more lets go at once; a forced end is not waited for.
    if (args.wait && !args.force && args.dryRun === 'none' && gone.length > 0) await waitUntilGone(gone, context, program, timeoutMs);
    if (failures > 0) throw new Told();
  } finally {
    context.client.close();
  }
};
