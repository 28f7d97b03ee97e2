/** berth scale: how many replicas; waits until as many serve. */
import type { Argv } from 'yargs';
import { ApiError } from '../../proto/errors.ts';
import { deploymentKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Scale } from '../../proto/resources/kubernetes.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { contextOf } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { UsageError } from '../errors.ts';
import { manifestFlags, selectionFlags, waitFlags } from '../flags.ts';
import { type ObjectArguments, type ObjectName, resolveObjects, withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';
import { showRollout } from '../rollout-progress.ts';
import { displayName } from '../selection.ts';
import type { Client } from '../../proto/client.ts';

export const command = 'scale [what..]';

export interface ScaleArguments extends ObjectArguments {
  readonly replicas: number;
  readonly currentReplicas?: number;
  readonly wait?: boolean;
  readonly timeout?: string;
  readonly all: boolean;
}

export const builder = (yargs: Argv): Argv =>
  waitFlags(manifestFlags(selectionFlags(yargs)))
    .positional('what', { type: 'string', array: true, describe: 'deployment/hello, "rs hello-7d4"' })
    .option('replicas', { type: 'number', requiresArg: true, demandOption: true, describe: 'How many' })
    .option('current-replicas', { type: 'number', requiresArg: true, describe: 'Only if this many are wanted now' })
    .option('all', { type: 'boolean', default: false, describe: 'All of the kind' })
    .example('berth scale deployment/hello --replicas 5', 'Five, and wait until they serve')
    .example('berth scale deploy hello --current-replicas 5 --replicas 2', 'From five to two, unless somebody has changed it');

const setReplicas = async (client: Client, { kind, namespace, name }: ObjectName, args: ScaleArguments): Promise<void> => {
  const path = objectPath(kind, namespace, name, 'scale');
  if (args.currentReplicas === undefined) {
    await client.patch(kind, namespace, name, 'merge', { spec: { replicas: args.replicas } }, { subresource: 'scale' });
    return;
  }
  const scale = await client.json<Scale>('GET', path);
  const present = scale.spec?.replicas ?? 0;
  if (present !== args.currentReplicas) {
    throw new ApiError('Conflict', `${displayName(kind, name)} is not scaled: ${present} replicas are wanted now, not ${args.currentReplicas}`);
  }
  // With its resourceVersion, so that nobody's change in between is lost.
  await client.json('PUT', path, { body: { ...scale, spec: { ...scale.spec, replicas: args.replicas } } });
};

const checkCount = (flag: string, count: number | undefined): void => {
  if (count !== undefined && (!Number.isSafeInteger(count) || count < 0)) throw new UsageError(`${flag} has to be a whole number, 0 or more`);
};

export const run = async (args: ScaleArguments, program: Program): Promise<void> => {
  checkCount('--replicas', args.replicas);
  checkCount('--current-replicas', args.currentReplicas);
  const timeoutMs = args.timeout === undefined ? undefined : parseDurationMs(args.timeout, '--timeout');
  const context = contextOf(args, program);
  try {
    const objects = await resolveObjects(args, context);
    const other = objects.find(({ kind }) => kind !== deploymentKind && kind !== replicaSetKind);
    if (other) throw new UsageError(`${displayName(other.kind, other.name)} has no replicas to scale; deployments and replicasets have`);
    for (const object of objects) {
      await withSuggestion(object, context, () => setReplicas(context.client, object, args));
      program.stdout.write(`${displayName(object.kind, object.name)} scaled\n`);
    }
    if (!(args.wait ?? program.stderr.isTerminal)) return;
    for (const object of objects) await showRollout({ client: context.client, program, ...object, timeoutMs });
  } finally {
    context.client.close();
  }
};
