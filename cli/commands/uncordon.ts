/** berth uncordon: pods may come to a node again. */
import type { Argv } from 'yargs';
import { builder as nodesBuilder, type CordonArguments, setSchedulable } from '../cordon.ts';
import type { Program } from '../program.ts';

export const command = 'uncordon [nodes..]';

export const builder = (yargs: Argv): Argv => nodesBuilder(yargs).example('berth uncordon node-2', 'Pods may come again');

export const run = (args: CordonArguments, program: Program): Promise<void> => setSchedulable(args, program, true);
