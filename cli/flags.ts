/** Flags that several commands share, so that they are named and explained alike. */
import type { Argv } from 'yargs';
import type { ContextArguments } from './context.ts';

export const contextFlags = (yargs: Argv): Argv =>
  yargs
    .option('context', { type: 'string', describe: 'The kubeconfig’s context to use', group: 'Cluster:' })
    .option('kubeconfig', { type: 'string', describe: 'The kubeconfig file', group: 'Cluster:' })
    .option('namespace', { alias: 'n', type: 'string', describe: 'The namespace', group: 'Cluster:' });

export interface SelectionArguments extends ContextArguments {
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly allNamespaces: boolean;
}

export const selectionFlags = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .option('selector', { alias: 'l', type: 'string', describe: 'Only objects with these labels, such as app=hello,tier!=test' })
    .option('field-selector', { type: 'string', describe: 'Only objects with these fields, such as status.phase=Running' })
    .option('all-namespaces', { alias: 'A', type: 'boolean', default: false, describe: 'In all namespaces' });

export const outputFlag = (yargs: Argv): Argv =>
  yargs.option('output', { alias: 'o', type: 'string', describe: 'wide, yaml, json, name or jsonpath=TEMPLATE' });
