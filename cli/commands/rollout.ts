/** berth rollout: how the change of a Deployment goes, went, and how to take it back. */
import type { Argv } from 'yargs';
import { timestamp } from '../../proto/process/clock.ts';
import { deploymentKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { selectorText } from '../../proto/resources/selector.ts';
import { type Context, type ContextArguments, contextOf } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { Refused, UsageError } from '../errors.ts';
import { contextFlags, waitFlags } from '../flags.ts';
import { type ObjectName, resolveObjects, withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';
import { type Revision, restorePatch, revisionsOf, revisionToRestore, templateOf } from '../rollout-history.ts';
import { showRollout } from '../rollout-progress.ts';
import { rolloutState } from '../rollout-state.ts';
import { waitForRollout } from '../rollout-wait.ts';
import { displayName } from '../selection.ts';
import { TableWriter } from '../table.ts';

export const command = 'rollout <action> <what..>';

const actions = ['status', 'history', 'undo', 'restart', 'pause', 'resume'] as const;

export interface RolloutArguments extends ContextArguments {
  readonly action: (typeof actions)[number];
  readonly what: readonly string[];
  readonly toRevision: number;
  readonly revision?: number;
  readonly watch: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
}

export const builder = (yargs: Argv): Argv =>
  waitFlags(contextFlags(yargs))
    .positional('action', { type: 'string', choices: actions, describe: 'What to do' })
    .positional('what', { type: 'string', array: true, describe: 'deployment/hello; several may be named' })
    .option('to-revision', { type: 'number', requiresArg: true, default: 0, describe: 'undo: the revision to go back to; 0 is the one before' })
    .option('revision', { type: 'number', requiresArg: true, describe: 'history: show this revision’s template' })
    .option('watch', { alias: 'w', type: 'boolean', default: true, describe: 'status: go on until it is done' })
    .example('berth rollout status deployment/hello', 'Follow it until it is done')
    .example('berth rollout history deployment/hello', 'Its revisions')
    .example('berth rollout undo deployment/hello --to-revision 3', 'Back to revision 3')
    .example('berth rollout restart deployment/hello', 'New pods of the same template, one after the other');

interface Job {
  readonly args: RolloutArguments;
  readonly context: Context;
  readonly program: Program;
  readonly object: ObjectName;
  readonly timeoutMs: number | undefined;
}

const fieldManager = 'kubectl-rollout';

const deploymentOf = ({ context, object }: Job): Promise<Deployment> =>
  withSuggestion(object, context, () => context.client.get<Deployment>(deploymentKind, object.namespace, object.name));

const told = ({ object, program }: Job, what: string): void => program.stdout.write(`${displayName(object.kind, object.name)} ${what}\n`);

const awaitRollout = async ({ args, context, program, object, timeoutMs }: Job): Promise<void> => {
  if (args.wait ?? program.stderr.isTerminal) await showRollout({ client: context.client, program, ...object, timeoutMs });
};

const historyOf = async (job: Job, deployment: Deployment): Promise<readonly Revision[]> => {
  const namespace = deployment.metadata.namespace ?? '';
  const { items } = await job.context.client.list<ReplicaSet>(replicaSetKind, { namespace, labelSelector: selectorText(deployment.spec?.selector) });
  return revisionsOf(deployment, items);
};

const status = async (job: Job): Promise<void> => {
  const { args, context, object, program, timeoutMs } = job;
  const deployment = await deploymentOf(job);
  if (!args.watch) {
    program.stdout.write(`${rolloutState(deployment).text}\n`);
    return;
  }
  let shown = '';
  let shownTrouble: string | undefined;
  await waitForRollout({
    client: context.client, program, ...object, timeoutMs,
    onState: ({ phase, text }, trouble) => {
      if (phase !== 'failed' && text !== shown) program.stdout.write(`${text}\n`);
      if (trouble !== undefined && trouble !== shownTrouble) program.stderr.write(`${trouble}\n`);
      [shown, shownTrouble] = [text, trouble];
    },
  });
};

const revisionOrThrow = (job: Job, revisions: readonly Revision[], number: number): Revision => {
  const found = revisionToRestore(revisions, number);
  if (found) return found;
  const there = revisions.map((revision) => revision.number).join(', ') || 'none';
  throw new Refused(number === 0
    ? `${displayName(job.object.kind, job.object.name)} has no earlier revision`
    : `${displayName(job.object.kind, job.object.name)} has no revision ${number}; there is: ${there}`);
};

const history = async (job: Job): Promise<void> => {
  const revisions = await historyOf(job, await deploymentOf(job));
  const { program, args } = job;
  if (args.revision !== undefined && args.revision > 0) {
    const template = templateOf(revisionOrThrow(job, revisions, args.revision));
    told(job, `with revision #${args.revision}`);
    program.stdout.write((await import('yaml')).stringify({ template }, { lineWidth: 0 }));
    return;
  }
  told(job, '');
  program.stdout.write(new TableWriter().format([
    ['REVISION', 'CHANGE-CAUSE'],
    ...revisions.map(({ number, changeCause }) => [String(number), changeCause ?? '<none>']),
  ]));
};

const undo = async (job: Job): Promise<void> => {
  const { args, context, object } = job;
  const deployment = await deploymentOf(job);
  if (deployment.spec?.paused) throw new Refused(`${displayName(object.kind, object.name)} is paused; "berth rollout resume" it first`);
  const revision = revisionOrThrow(job, await historyOf(job, deployment), args.toRevision);
  const patch = restorePatch(deployment, revision);
  if (!patch) {
    told(job, `skipped rollback (current template already matches revision ${revision.number})`);
    return;
  }
  await context.client.patch(object.kind, object.namespace, object.name, 'json', patch);
  told(job, 'rolled back');
  await awaitRollout(job);
};

const change = async ({ context, object }: Job, patch: object): Promise<void> => {
  await context.client.patch(object.kind, object.namespace, object.name, 'strategic', patch, { query: { fieldManager } });
};

const restart = async (job: Job): Promise<void> => {
  if ((await deploymentOf(job)).spec?.paused) throw new Refused(`${displayName(job.object.kind, job.object.name)} is paused; "berth rollout resume" it first`);
  const restartedAt = timestamp(job.program.clock.nowMs());
  await change(job, { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': restartedAt } } } } });
  told(job, 'restarted');
  await awaitRollout(job);
};

const setPaused = async (job: Job, paused: boolean): Promise<void> => {
  const deployment = await deploymentOf(job);
  const what = paused ? 'paused' : 'resumed';
  if ((deployment.spec?.paused ?? false) === paused) throw new Refused(`${displayName(job.object.kind, job.object.name)} is ${paused ? 'already paused' : 'not paused'}`);
  await change(job, { spec: { paused: paused ? true : null } });
  told(job, what);
};

const steps: Readonly<Record<RolloutArguments['action'], (job: Job) => Promise<void>>> = {
  status, history, undo, restart,
  pause: (job) => setPaused(job, true),
  resume: (job) => setPaused(job, false),
};

export const run = async (args: RolloutArguments, program: Program): Promise<void> => {
  const timeoutMs = args.timeout === undefined ? undefined : parseDurationMs(args.timeout, '--timeout');
  const context = contextOf(args, program);
  try {
    const objects = await resolveObjects({ what: args.what }, context);
    const other = objects.find(({ kind }) => kind !== deploymentKind);
    if (other) throw new UsageError(`${displayName(other.kind, other.name)} has no rollouts; deployments have`);
    for (const object of objects) await steps[args.action]({ args, context, program, object, timeoutMs });
  } finally {
    context.client.close();
  }
};
