/** berth cordon: no more pods come to a node; those that it has stay. */
import type { Argv } from 'yargs';
import { builder as nodesBuilder, type CordonArguments, setSchedulable } from '../cordon.ts';
import type { Program } from '../program.ts';

export const command = 'cordon [nodes..]';

export const builder = (yargs: Argv): Argv =>
  nodesBuilder(yargs)
    .example('berth cordon node-2', 'Its pods stay, and none come')
    .example('berth cordon -l disk=old', 'All nodes with a label');

export const run = (args: CordonArguments, program: Program): Promise<void> => setSchedulable(args, program, false);
