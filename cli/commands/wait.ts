/** berth wait: until objects are as they should be. */
import type { Argv } from 'yargs';
import { notFound } from '../../proto/errors.ts';
import { type Context, contextOf } from '../context.ts';
import { parseDurationMs } from '../duration.ts';
import { Refused } from '../errors.ts';
import { manifestFlags, selectionFlags } from '../flags.ts';
import { follow } from '../follow.ts';
import { type ObjectArguments, type ObjectName, resolveObjects, withSuggestion } from '../objects.ts';
import type { Program } from '../program.ts';
import { displayName } from '../selection.ts';
import { conditionText, isMet, parseWaitCondition, type WaitCondition } from '../wait-condition.ts';
import { liveLine, withLimits } from '../waiting.ts';

export const command = 'wait [what..]';

export interface WaitArguments extends ObjectArguments {
  readonly for: string;
  readonly timeout: string;
}

export const builder = (yargs: Argv): Argv =>
  manifestFlags(selectionFlags(yargs))
    .positional('what', { type: 'string', array: true, describe: 'pod/hello-x, "pods" with -l or --all' })
    .option('for', { type: 'string', requiresArg: true, demandOption: true, describe: 'condition=NAME[=VALUE], delete, create, jsonpath=PATH[=VALUE]' })
    .option('all', { type: 'boolean', default: false, describe: 'All of the kind in the namespace' })
    .option('timeout', { type: 'string', requiresArg: true, default: '30s', describe: 'How long at most; 0 looks once' })
    .example('berth wait deployment/hello --for=condition=Available', 'Until enough replicas serve')
    .example('berth wait pods -l app=hello --for=delete --timeout 60s', 'Until pods are gone')
    .example("berth wait pod/a --for=jsonpath='{.status.phase}'=Running", 'Until a field has a value');

const waitForOne = async (object: ObjectName, condition: WaitCondition, context: Context, signal: AbortSignal): Promise<void> => {
  const { kind, namespace, name } = object;
  let isFirst = true;
  for await (const found of follow(context.client, kind, { ...(namespace ? { namespace } : {}), fieldSelector: `metadata.name=${name}` }, signal)) {
    const [present] = found.values();
    if (isMet(condition, present)) return;
    // What is not there never becomes ready, except when it is waited for.
    if (!present && isFirst && condition.type !== 'create') throw notFound(kind, name);
    isFirst = false;
  }
};

export const run = async (args: WaitArguments, program: Program): Promise<void> => {
  const condition = parseWaitCondition(args.for);
  const timeoutMs = parseDurationMs(args.timeout.replace(/^-.*/, '168h'), '--timeout');
  const context = contextOf(args, program);
  const line = liveLine(program);
  try {
    const objects = await resolveObjects(args, context);
    if (objects.length === 0 && condition.type !== 'delete') throw new Refused('there are no such objects, so there is nothing to wait for');
    const left = new Set(objects);
    const names = (): string => [...left].map(({ kind, name }) => displayName(kind, name)).join(', ');
    const show = (): void => {
      if (program.stderr.isTerminal && left.size > 0) line.show(`waiting for ${conditionText(condition)}: ${names()}`);
    };
    show();
    await withLimits(program, { timeoutMs, lateText: () => `timed out after ${args.timeout} waiting for ${conditionText(condition)}: ${names()}` }, (signal) =>
      Promise.all(objects.map(async (object) => {
        await withSuggestion(object, context, () => waitForOne(object, condition, context, signal));
        if (signal.aborted) return;
        left.delete(object);
        line.clear();
        program.stdout.write(`${displayName(object.kind, object.name)} ${condition.type === 'delete' ? 'deleted' : condition.type === 'create' ? 'created' : 'condition met'}\n`);
        show();
      })));
  } finally {
    line.clear();
    context.client.close();
  }
};
