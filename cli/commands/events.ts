/** berth events: what happened, oldest first. */
import type { Argv } from 'yargs';
import { eventKind } from '../../proto/kinds.ts';
import type { Event } from '../../proto/resources/kubernetes.ts';
import { contextOf } from '../context.ts';
import { sinceText } from '../describe/layout.ts';
import { UsageError } from '../errors.ts';
import { eventsNewestLast, eventTime } from '../event-order.ts';
import { outputFlag, selectionFlags, type SelectionArguments } from '../flags.ts';
import { formatObjects, parseOutput } from '../output.ts';
import type { Program } from '../program.ts';
import { parseTarget } from '../selection.ts';
import { TableWriter } from '../table.ts';

export const command = 'events';

export interface EventsArguments extends SelectionArguments {
  readonly for?: string;
  readonly types?: string;
  readonly watch: boolean;
  readonly headers: boolean;
  readonly output?: string;
}

export const builder = (yargs: Argv): Argv =>
  outputFlag(selectionFlags(yargs))
    .option('for', { type: 'string', requiresArg: true, describe: 'Only about this object, such as pod/hello-x' })
    .option('types', { type: 'string', requiresArg: true, describe: 'Only these types: Normal, Warning' })
    .option('watch', { alias: 'w', type: 'boolean', default: false, describe: 'Go on with those that come' })
    .option('headers', { type: 'boolean', default: true, describe: 'The table’s first line; --no-headers leaves it out' })
    .example('berth events', 'In this namespace')
    .example('berth events --for deployment/hello -w', 'About one object, as they come')
    .example('berth events -A --types Warning', 'What goes wrong anywhere');

const fieldSelectorOf = (args: EventsArguments): string | undefined => {
  const terms = args.fieldSelector ? [args.fieldSelector] : [];
  if (args.for !== undefined) {
    const { kind, name } = parseTarget([args.for]);
    terms.push(`involvedObject.kind=${kind.kind}`, `involvedObject.name=${name}`);
  }
  return terms.length === 0 ? undefined : terms.join(',');
};

const typesOf = (text: string | undefined): ReadonlySet<string> | undefined => {
  if (text === undefined) return undefined;
  const types = text.split(',').map((type) => ['Normal', 'Warning'].find((known) => known.toLowerCase() === type.trim().toLowerCase()));
  if (types.includes(undefined)) throw new UsageError(`--types ${text} is not known; known are Normal and Warning`);
  return new Set(types as string[]);
};

const rowOf = (event: Event, nowMs: number, withNamespace: boolean): readonly string[] => {
  const count = event.series?.count ?? event.count ?? 1;
  const { kind = '', name = '' } = event.involvedObject;
  return [
    ...(withNamespace ? [event.metadata.namespace ?? ''] : []),
    `${sinceText(eventTime(event), nowMs)}${count > 1 ? ` (x${count})` : ''}`, event.type ?? '', event.reason ?? '', `${kind}/${name}`,
    (event.message ?? '').trim().replaceAll(/\s*\n\s*/g, ' '),
  ];
};

export const run = async (args: EventsArguments, program: Program): Promise<void> => {
  const form = parseOutput(args.output);
  const types = typesOf(args.types);
  const fieldSelector = fieldSelectorOf(args);
  const context = contextOf(args, program);
  const selection = {
    ...(args.allNamespaces ? {} : { namespace: context.namespace }),
    ...(args.selector ? { labelSelector: args.selector } : {}),
    ...(fieldSelector ? { fieldSelector } : {}),
  };
  const isWanted = (event: Event): boolean => types?.has(event.type ?? '') ?? true;
  const writer = new TableWriter();
  const show = async (events: readonly Event[], withHeader: boolean): Promise<void> => {
    const wanted = events.filter(isWanted);
    if (form.type !== 'table') {
      if (withHeader || wanted.length > 0) program.stdout.write(await formatObjects(wanted, form, withHeader));
      return;
    }
    const nowMs = program.clock.nowMs();
    const header = [...(args.allNamespaces ? ['NAMESPACE'] : []), 'AGE', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
    const rows = wanted.map((event) => rowOf(event, nowMs, args.allNamespaces));
    if (rows.length > 0 || args.watch) program.stdout.write(writer.format(withHeader && args.headers ? [header, ...rows] : rows));
    else program.stderr.write(args.allNamespaces ? 'No events found\n' : `No events found in ${context.namespace} namespace.\n`);
  };
  try {
    const { items, resourceVersion } = await context.client.list<Event>(eventKind, selection);
    await show(eventsNewestLast(items), true);
    if (!args.watch) return;
    for await (const { type, object } of context.client.watch<Event>(eventKind, selection, resourceVersion, program.signal)) {
      // An event that ends after its hour is no news.
      if (type !== 'DELETED' && isWanted(object)) await show([object], false);
    }
  } finally {
    context.client.close();
  }
};
