/** berth get: objects as tables, YAML, JSON, names or by a template; once or as they change. */
import type { Argv } from 'yargs';
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { collectionPath, objectPath } from '../../proto/resources/meta.ts';
import { type Context, contextOf } from '../context.ts';
import { Told, UsageError } from '../errors.ts';
import { manifestFlags, outputFlag, type SelectionArguments, selectionFlags } from '../flags.ts';
import type { ManifestArguments } from '../manifests.ts';
import { resolveObjects, withSuggestion } from '../objects.ts';
import { formatObjects, type OutputForm, parseOutput } from '../output.ts';
import type { Program } from '../program.ts';
import { displayName, parseTargets, type Target as Selected } from '../selection.ts';
import { type ColumnDefinition, type Table, tableAccept, type TableLayout, TableWriter } from '../table.ts';
import { withLimits } from '../waiting.ts';

export const command = 'get [what..]';

export interface GetArguments extends SelectionArguments, ManifestArguments {
  readonly what?: readonly string[];
  readonly output?: string;
  readonly watch: boolean;
  readonly headers: boolean;
  readonly showLabels: boolean;
  readonly ignoreNotFound: boolean;
}

export const builder = (yargs: Argv): Argv =>
  outputFlag(manifestFlags(selectionFlags(yargs)))
    .positional('what', { type: 'string', array: true, describe: 'pods, deployment/hello, "deploy hello", "pods,services", all' })
    .option('watch', { alias: 'w', type: 'boolean', default: false, describe: 'Go on with each change' })
    .option('headers', { type: 'boolean', default: true, describe: 'The table’s first line; --no-headers leaves it out' })
    .option('show-labels', { type: 'boolean', default: false, describe: 'Labels as the last column' })
    .option('ignore-not-found', { type: 'boolean', default: false, describe: 'What is not there is no failure' })
    .example('berth get pods -o wide', 'Pods with their addresses and nodes')
    .example('berth get deployment/hello -o yaml', 'One object, whole')
    .example('berth get deployments,pods -l app=hello -w', 'An application and its pods as they change')
    .example("berth get pods -o jsonpath='{.items[*].status.podIP}'", 'One field of each');

/** One from a file is in the namespace that the file says. */
interface Target extends Selected {
  readonly namespace?: string;
}

interface Request {
  readonly args: GetArguments;
  readonly context: Context;
  readonly client: Client;
  /** Undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly program: Program;
}

const queryOf = ({ args }: Request, target: Target) => ({
  labelSelector: args.selector,
  fieldSelector: [target.name === undefined ? undefined : `metadata.name=${target.name}`, args.fieldSelector].filter(Boolean).join(',') || undefined,
});

const tableOf = async (request: Request, target: Target): Promise<Table> => {
  const { client } = request;
  const namespace = target.namespace ?? request.namespace;
  if (target.name !== undefined) return client.json<Table>('GET', objectPath(target.kind, namespace, target.name), { accept: tableAccept });
  return client.json<Table>('GET', collectionPath(target.kind, namespace), { accept: tableAccept, query: queryOf(request, target) });
};

const layoutOf = (request: Request, kind: Kind, wide: boolean, several: boolean): TableLayout => ({
  wide,
  withNamespace: request.namespace === undefined && kind.namespaced,
  withLabels: request.args.showLabels,
  withHeader: request.args.headers,
  namePrefix: several ? displayName(kind, '') : '',
});

/** Runs `show` for every target; a missing object is told and does not stop the others. */
const forEach = async (request: Request, targets: readonly Target[], show: (target: Target) => Promise<void>): Promise<void> => {
  let missing = 0;
  for (const target of targets) {
    try {
      const { kind, name } = target;
      if (name === undefined || request.args.ignoreNotFound) await show(target);
      else await withSuggestion({ kind, name, namespace: kind.namespaced ? (target.namespace ?? request.namespace) : undefined }, request.context, () => show(target));
    } catch (error) {
      if (!isApiError(error, 'NotFound') || target.name === undefined) throw error;
      if (request.args.ignoreNotFound) continue;
      if (targets.length === 1) throw error;
      request.program.stderr.write(`error: ${error.message}\n`);
      missing += 1;
    }
  }
  if (missing > 0) throw new Told();
};

const showTables = async (request: Request, targets: readonly Target[], wide: boolean): Promise<void> => {
  const { program } = request;
  const several = new Set(targets.map((target) => target.kind)).size > 1;
  const tables = new Map<Kind, Table[]>();
  let printed = 0;
  const flush = (): void => {
    for (const [kind, parts] of tables) {
      const rows = parts.flatMap((part) => part.rows);
      if (rows.length === 0) continue;
      if (printed > 0) program.stdout.write('\n');
      program.stdout.write(new TableWriter().table(parts[0]?.columnDefinitions ?? [], rows, layoutOf(request, kind, wide, several)));
      printed += rows.length;
    }
  };
  try {
    await forEach(request, targets, async (target) => {
      tables.set(target.kind, [...(tables.get(target.kind) ?? []), await tableOf(request, target)]);
    });
  } finally {
    flush();
  }
  if (printed === 0 && !request.args.ignoreNotFound) {
    program.stderr.write(request.namespace === undefined || !targets.some(({ kind }) => kind.namespaced) ? 'No resources found\n' : `No resources found in ${request.namespace} namespace.\n`);
  }
};

const showObjects = async (request: Request, targets: readonly Target[], form: Exclude<OutputForm, { type: 'table' }>): Promise<void> => {
  const { client, namespace, args, program } = request;
  const objects: KubeObject[] = [];
  await forEach(request, targets, async ({ kind, name, namespace: own }) => {
    if (name !== undefined) objects.push(await client.get(kind, own ?? namespace, name));
    else {
      objects.push(...(await client.list(kind, {
        ...(namespace ? { namespace } : {}),
        ...(args.selector ? { labelSelector: args.selector } : {}),
        ...(args.fieldSelector ? { fieldSelector: args.fieldSelector } : {}),
      })).items);
    }
  });
  const asList = targets.length !== 1 || targets[0]?.name === undefined;
  program.stdout.write(await formatObjects(objects, form, asList));
};

/** What there is of a target as one text, and then a line (or document) for each change, until `signal` aborts. */
async function* changes(request: Request, target: Target, form: OutputForm, several: boolean, signal: AbortSignal): AsyncGenerator<string> {
  const { client } = request;
  const namespace = target.namespace ?? request.namespace;
  const query = queryOf(request, target);
  const selection = {
    ...(namespace ? { namespace } : {}),
    ...(query.labelSelector ? { labelSelector: query.labelSelector } : {}),
    ...(query.fieldSelector ? { fieldSelector: query.fieldSelector } : {}),
  };
  const writer = new TableWriter();
  let layout = layoutOf(request, target.kind, form.type === 'table' && form.wide, several);
  let columns: readonly ColumnDefinition[] = [];
  const text = async (object: KubeObject | Table): Promise<string> => {
    if (form.type !== 'table') return `${form.type === 'yaml' ? '---\n' : ''}${await formatObjects([object as KubeObject], form, false)}`;
    const { columnDefinitions, rows } = object as Table;
    columns = columnDefinitions ?? columns;
    // The header comes with the first row.
    if (rows.length === 0) return '';
    const lines = writer.table(columns, rows, layout);
    layout = { ...layout, withHeader: false };
    return lines;
  };
  while (!signal.aborted) {
    let position: string | undefined;
    if (form.type === 'table') {
      const table = await client.json<Table>('GET', collectionPath(target.kind, namespace), { accept: tableAccept, query, signal });
      position = table.metadata.resourceVersion;
      yield await text(table);
    } else {
      const { items, resourceVersion } = await client.list(target.kind, selection, { signal });
      position = resourceVersion;
      yield (await Promise.all(items.map(text))).join('');
    }
    try {
      const accept = form.type === 'table' ? tableAccept : 'application/json';
      for await (const { object } of client.watch(target.kind, selection, position ?? '0', signal, accept)) yield await text(object);
    } catch (error) {
      // What the server has forgotten is shown again as it is now.
      if (!isApiError(error, 'Expired') && !isApiError(error, 'Gone')) throw error;
    }
  }
}

/** All targets side by side; rows of several kinds say which theirs is. A name that is not there is an error, as it is without --watch. */
const watch = async (request: Request, targets: readonly Target[], form: OutputForm): Promise<void> => {
  const { client, program } = request;
  await forEach(request, targets, async ({ kind, name, namespace }) => {
    if (name !== undefined) await client.get(kind, kind.namespaced ? (namespace ?? request.namespace) : undefined, name);
  });
  const several = new Set(targets.map(({ kind }) => kind)).size > 1;
  await withLimits(program, { timeoutMs: undefined, lateText: () => '' }, async (signal) => {
    const watched = targets.map((target) => changes(request, target, form, several, signal));
    let printed = '';
    for (const texts of watched) {
      const { value } = await texts.next();
      if (!value) continue;
      program.stdout.write(`${printed && form.type === 'table' ? '\n' : ''}${value}`);
      printed = value;
    }
    if (printed && several && form.type === 'table') program.stdout.write('\n');
    await Promise.all(watched.map(async (texts) => {
      for await (const text of texts) program.stdout.write(text);
    }));
  });
};

const targetsOf = async (args: GetArguments, context: Context): Promise<readonly Target[]> => {
  const { what = [] } = args;
  if (args.filename.length === 0) {
    const targets = parseTargets(what);
    if (args.allNamespaces && targets.some(({ kind, name }) => kind.namespaced && name !== undefined)) throw new UsageError('an object with a name is in one namespace: use -n instead of -A');
    if ((args.selector || args.fieldSelector) && !args.watch && targets.some(({ name }) => name !== undefined)) throw new UsageError('objects are chosen by name or by -l and --field-selector, not both');
    return targets;
  }
  return (await resolveObjects({ what, filename: args.filename, recursive: args.recursive }, context)).map(({ kind, name, namespace }) => ({ kind, name, ...(namespace ? { namespace } : {}) }));
};

export const run = async (args: GetArguments, program: Program): Promise<void> => {
  const form = parseOutput(args.output);
  const context = contextOf(args, program);
  const request: Request = { args, context, client: context.client, namespace: args.allNamespaces ? undefined : context.namespace, program };
  try {
    const targets = await targetsOf(args, context);
    if (args.watch) await watch(request, targets, form);
    else if (form.type === 'table') await showTables(request, targets, form.wide);
    else await showObjects(request, targets, form);
  } finally {
    context.client.close();
  }
};
