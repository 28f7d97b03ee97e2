/** Flags that several commands share, so that they are named and explained alike. */
import type { Argv } from 'yargs';
import type { ContextArguments } from './context.ts';

export const contextFlags = (yargs: Argv): Argv =>
  yargs
    .option('context', { type: 'string', requiresArg: true, describe: 'The kubeconfig’s context to use', group: 'Cluster:' })
    .option('kubeconfig', { type: 'string', requiresArg: true, describe: 'The kubeconfig file', group: 'Cluster:' })
    .option('namespace', { alias: 'n', type: 'string', requiresArg: true, describe: 'The namespace', group: 'Cluster:' });

export interface SelectionArguments extends ContextArguments {
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly allNamespaces: boolean;
}

export const selectionFlags = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .option('selector', { alias: 'l', type: 'string', requiresArg: true, describe: 'Only objects with these labels, such as app=hello,tier!=test' })
    .option('field-selector', { type: 'string', requiresArg: true, describe: 'Only objects with these fields, such as status.phase=Running' })
    .option('all-namespaces', { alias: 'A', type: 'boolean', default: false, describe: 'In all namespaces' });

/** Of a command that talks to what runs in a container. */
export interface ConverseArguments extends ContextArguments {
  readonly what: string;
  readonly container?: string;
  readonly stdin: boolean;
  readonly tty: boolean;
}

export const converseFlags = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('what', { type: 'string', describe: 'A pod’s name, or pod/hello-x, deployment/hello: one of its ready pods' })
    .option('container', { alias: 'c', type: 'string', requiresArg: true, describe: 'One container of a pod that has several; the first by default' })
    .option('stdin', { alias: 'i', type: 'boolean', default: false, describe: 'Pass stdin on, to its end' })
    .option('tty', { alias: 't', type: 'boolean', default: false, describe: 'Lend it this terminal' });

export const outputFlag = (yargs: Argv): Argv =>
  yargs.option('output', { alias: 'o', type: 'string', requiresArg: true, describe: 'wide, yaml, json, name or jsonpath=TEMPLATE' });

export const manifestFlags = (yargs: Argv): Argv =>
  yargs
    .option('filename', { alias: 'f', type: 'string', array: true, default: [], describe: 'A file, a folder, or "-" for stdin; may be repeated' })
    .option('recursive', { alias: 'R', type: 'boolean', default: false, describe: 'Folders with all folders below them' });

export const waitFlags = (yargs: Argv): Argv =>
  yargs
    .option('wait', { type: 'boolean', describe: 'Wait until it is done; by default on a terminal only' })
    .option('timeout', { type: 'string', requiresArg: true, describe: 'How long to wait at most, such as 90s or 5m' });
