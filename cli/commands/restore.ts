/** berth restore: a cluster as it was when a backup was made. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Argv } from 'yargs';
import { type Archive, openArchive } from '../backup/archive.ts';
import { restoreMember } from '../backup/snapshot.ts';
import { Refused, UsageError } from '../errors.ts';
import { hasTraces } from '../local/down.ts';
import { exclusively } from '../local/exclusive.ts';
import { checkDataDir, checkHost } from '../local/preflight.ts';
import { createProgress, type Progress } from '../local/progress.ts';
import { checkSameCluster, prepareRestore, restorePki, savedSettings, snapshotPart } from '../local/restore.ts';
import { defaultDataDir, readSettings, trueDataDir } from '../local/settings.ts';
import { up } from '../local/up.ts';
import type { Program } from '../program.ts';

export const command = 'restore <file>';

export interface RestoreArguments {
  readonly file: string;
  readonly dataDir: string;
  readonly etcdDir?: string;
  readonly member?: string;
  readonly initialCluster?: string;
  readonly filesDir?: string;
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('file', { type: 'string', demandOption: true, describe: 'What "berth backup" wrote' })
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'The local cluster to bring back, or a new place for it' })
    .option('etcd-dir', { type: 'string', requiresArg: true, describe: 'Of an installed cluster: make this folder for an etcd that is stopped' })
    .option('member', { type: 'string', requiresArg: true, describe: 'With --etcd-dir: the member’s name' })
    .option('initial-cluster', { type: 'string', requiresArg: true, describe: 'With --etcd-dir: all members, as NAME=PEER-URL with commas between; the same on each server' })
    .option('files-dir', { type: 'string', requiresArg: true, describe: 'Write the files that were saved with it to this new folder' })
    .example('sudo berth restore berth-today.backup', 'Bring the local cluster back')
    .example('sudo berth restore today.backup --etcd-dir /var/lib/etcd --member a --initial-cluster a=https://192.0.2.1:2380', 'One server of an installed cluster');

const partsText = ({ about, parts }: Archive): string => `of ${about.createdAt}, ${parts.length} parts`;

/** Throws Refused where something is in the folder: nothing of another history may be mixed in. */
const checkNew = (dir: string, why: string): void => {
  if (existsSync(dir) && readdirSync(dir).length > 0) throw new Refused(`${dir} is not empty; ${why}`);
};

const restoreFiles = async (archive: Archive, dir: string): Promise<void> => {
  for (const { name } of archive.parts.filter((part) => part.name !== snapshotPart)) {
    const file = resolve(dir, name);
    if (!file.startsWith(`${dir}/`)) throw new Refused(`the backup holds a file outside of the folder: ${name}`);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    await archive.extract(name, file);
  }
};

const restoreEtcd = async (archive: Archive, dataDir: string, { member = '', initialCluster = '' }: RestoreArguments): Promise<void> => {
  const peerUrl = initialCluster.split(',').find((entry) => entry.startsWith(`${member}=`))?.slice(member.length + 1);
  if (!member || !peerUrl) throw new UsageError('--etcd-dir needs --member NAME and --initial-cluster NAME=PEER-URL,… with that name in it');
  if (existsSync(dataDir)) rmSync(dataDir, { recursive: true });
  mkdirSync(dirname(dataDir), { recursive: true });
  const work = mkdtempSync(join(dirname(dataDir), '.berth-restore-'));
  try {
    const snapshot = join(work, 'snapshot');
    await archive.extract(snapshotPart, snapshot);
    // All servers must come to the same one.
    const token = `berth-${archive.parts.find(({ name }) => name === snapshotPart)?.sha256.slice(0, 16)}`;
    await restoreMember(snapshot, { name: member, peerUrl, dataDir }, initialCluster, token);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Parts of an installed cluster, for whoever runs its services. */
const restoreInstalled = async (args: RestoreArguments, archive: Archive, progress: Progress): Promise<void> => {
  const [etcdDir, filesDir] = [args.etcdDir, args.filesDir].map((dir) => (dir === undefined ? undefined : resolve(dir)));
  if (etcdDir !== undefined) checkNew(etcdDir, 'stop etcd and move the folder away first');
  if (filesDir !== undefined) checkNew(filesDir, 'choose a new folder');
  if (etcdDir !== undefined) await progress.step(`etcd’s data in ${etcdDir}`, () => restoreEtcd(archive, etcdDir, args));
  if (filesDir !== undefined) await progress.step(`files in ${filesDir}`, () => restoreFiles(archive, filesDir));
};

const restoreLocal = async (args: RestoreArguments, archive: Archive, progress: Progress, program: Program): Promise<void> => {
  const { clock, env, signal } = program;
  const dataDir = trueDataDir(args.dataDir);
  await exclusively(dataDir, () => program.stderr.write('another berth is at work on this cluster; waiting for it\n'), async () => {
    const present = readSettings(dataDir);
    const settings = present ?? (await savedSettings(archive, dataDir));
    if (present) await checkSameCluster(archive, settings);
    else {
      checkDataDir(dataDir);
      if (hasTraces(settings)) throw new Refused(`a cluster of ${dataDir} is still running in part; run "berth down --data-dir ${dataDir}" first`);
    }
    await progress.step('members of etcd made from it', () => prepareRestore(archive, settings));
    if (!present) await restorePki(archive, settings);
    await up({ settings, progress, clock, env, signal });
  }, signal);
};

export const run = async (args: RestoreArguments, program: Program): Promise<void> => {
  const installed = args.etcdDir !== undefined || args.filesDir !== undefined;
  if (!installed) checkHost();
  const progress = createProgress(program.stderr, program.clock);
  const archive = await progress.step('the backup is whole', async (note) => {
    const opened = await openArchive(resolve(args.file));
    note(partsText(opened));
    return opened;
  });
  await (installed ? restoreInstalled(args, archive, progress) : restoreLocal(args, archive, progress, program));
};
