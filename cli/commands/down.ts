/** berth down: the end of a local cluster. */
import type { Argv } from 'yargs';
import { resolve } from 'node:path';
import { down } from '../local/down.ts';
import { PreflightFailed } from '../local/preflight.ts';
import { createProgress } from '../local/progress.ts';
import { defaultDataDir, readSettings } from '../local/settings.ts';
import type { Program } from '../program.ts';

export const command = 'down';
export const describe = 'Stop the local cluster and remove all of it';

export interface DownArguments {
  dataDir: string;
  keepData: boolean;
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'Where the cluster keeps everything' })
    .option('keep-data', { type: 'boolean', default: false, describe: 'Keep objects and images, so that "berth up" goes on from here' })
    .example('sudo berth down', 'Stop and remove everything')
    .example('sudo berth down --keep-data', 'Stop, and go on later');

export const run = async (args: DownArguments, program: Program): Promise<void> => {
  const settings = readSettings(resolve(args.dataDir));
  if (!settings) {
    program.stderr.write(`no cluster in ${resolve(args.dataDir)}; nothing to do\n`);
    return;
  }
  if (process.getuid?.() !== 0) throw new PreflightFailed('stopping a local cluster needs root; run it again with sudo');
  await down({ settings, progress: createProgress(program.stderr, program.clock), clock: program.clock, env: program.env, keepData: args.keepData });
};
