/** From what a person wrote to the objects that are meant: by name, by labels, by fields, all of a kind, or from files. */
import { ApiError, isApiError } from '../proto/errors.ts';
import type { Kind } from '../proto/kinds.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import { nearestName } from '../proto/schema/nearest.ts';
import type { Context } from './context.ts';
import { UsageError } from './errors.ts';
import type { SelectionArguments } from './flags.ts';
import { parseTargets } from './selection.ts';

/** One object of the cluster. */
export interface ObjectName {
  readonly kind: Kind;
  readonly name: string;
  /** Undefined for kinds without namespaces. */
  readonly namespace: string | undefined;
}

/** The arguments of commands that work on objects. */
export interface ObjectArguments extends SelectionArguments {
  readonly what?: readonly string[];
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  /** Takes all of a kind when neither names nor selectors say which. */
  readonly all?: boolean;
}

const fromFiles = async (filename: readonly string[], recursive: boolean, context: Context): Promise<ObjectName[]> => {
  const { readManifests } = await import('./manifests.ts');
  return readManifests({ filename, recursive }).map(({ kind, name, object }) => ({
    kind, name, namespace: kind.namespaced ? object.metadata.namespace || context.namespace : undefined,
  }));
};

/** What selectors leave of a kind. */
export const listObjects = async <T extends KubeObject>(kind: Kind, args: Partial<ObjectArguments>, context: Context): Promise<readonly T[]> =>
  (await context.client.list<T>(kind, {
    ...(kind.namespaced && !args.allNamespaces ? { namespace: context.namespace } : {}),
    ...(args.selector ? { labelSelector: args.selector } : {}),
    ...(args.fieldSelector ? { fieldSelector: args.fieldSelector } : {}),
  })).items;

/** The named objects are not looked up; that they exist is for the next request to find out. Throws UsageError, ApiError. */
export const resolveObjects = async (args: Partial<ObjectArguments>, context: Context): Promise<readonly ObjectName[]> => {
  if (args.filename?.length) {
    if (args.what?.length) throw new UsageError('name objects or files (-f), not both');
    return fromFiles(args.filename, args.recursive ?? false, context);
  }
  const found: ObjectName[] = [];
  for (const { kind, name } of parseTargets(args.what ?? [])) {
    const namespace = kind.namespaced ? context.namespace : undefined;
    if (name !== undefined) {
      if (args.selector || args.fieldSelector) throw new UsageError('objects are chosen by name or by -l and --field-selector, not both');
      if (args.allNamespaces) throw new UsageError('an object with a name is in one namespace: use -n instead of -A');
      found.push({ kind, name, namespace });
    } else if (args.selector || args.fieldSelector || args.all) {
      for (const { metadata } of await listObjects(kind, args, context)) found.push({ kind, name: metadata.name ?? '', namespace: metadata.namespace });
    } else throw new UsageError(`say which ${kind.plural}: by name, such as ${kind.singular}/hello, with -l, or all of them with --all`);
  }
  return found;
};

/** Runs `work`; what it does not find is answered with the nearest name there is. */
export const withSuggestion = async <T>({ kind, name, namespace }: ObjectName, context: Context, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    const all = await context.client.list(kind, namespace ? { namespace } : {}).catch(() => ({ items: [] }));
    const near = nearestName(name, all.items.map(({ metadata }) => metadata.name ?? ''));
    const where = kind.namespaced && !near ? ` in namespace "${namespace}"` : '';
    throw new ApiError('NotFound', `${error.message}${near && near !== name ? `; did you mean "${near}"?` : where}`, error.details);
  }
};
