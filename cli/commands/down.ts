/** berth down: the end of a local cluster. */
import type { Argv } from 'yargs';
import { down, hasTraces } from '../local/down.ts';
import { exclusively } from '../local/exclusive.ts';
import { PreflightFailed } from '../local/preflight.ts';
import { createProgress } from '../local/progress.ts';
import { defaultDataDir, defaultSettings, readSettings, trueDataDir } from '../local/settings.ts';
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
  const { clock, env, signal, stderr } = program;
  const dataDir = trueDataDir(args.dataDir);
  if (process.getuid?.() !== 0) throw new PreflightFailed('stopping a local cluster needs root; run it again with sudo');
  await exclusively(dataDir, () => stderr.write('another berth up or down is at work on this cluster; waiting for it\n'), async () => {
    // Without its settings, names that follow from the directory are enough to find what a cluster has left.
    const settings = readSettings(dataDir) ?? defaultSettings(dataDir);
    if (!readSettings(dataDir) && !hasTraces(settings)) stderr.write(`no cluster in ${dataDir}; nothing to do\n`);
    else await down({ settings, progress: createProgress(stderr, clock), clock, env, keepData: args.keepData });
  }, signal);
};
