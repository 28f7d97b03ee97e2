/** berth backup: the whole state of a cluster in one file. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Argv } from 'yargs';
import { timestamp } from '../../proto/process/clock.ts';
import { type Source, writeArchive } from '../backup/archive.ts';
import { type EtcdAccess, saveSnapshot } from '../backup/snapshot.ts';
import { Refused, UsageError } from '../errors.ts';
import { createProgress } from '../local/progress.ts';
import { localEtcd, localSources, snapshotPart } from '../local/restore.ts';
import { defaultDataDir, readSettings, trueDataDir } from '../local/settings.ts';
import type { Program } from '../program.ts';
import { programVersion } from '../version.ts';

export const command = 'backup <file>';

export interface BackupArguments {
  readonly file: string;
  readonly dataDir: string;
  readonly etcd?: readonly string[];
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly include?: readonly string[];
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('file', { type: 'string', demandOption: true, describe: 'Where to write it; readable by its owner only, since it holds all secrets' })
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'The local cluster to save' })
    .option('etcd', { type: 'string', array: true, requiresArg: true, describe: 'Of an installed cluster: an etcd’s URL; may be given several times' })
    .option('etcd-ca', { type: 'string', requiresArg: true, describe: 'Certificate of etcd’s authority, a file' })
    .option('etcd-cert', { type: 'string', requiresArg: true, describe: 'Certificate to show to etcd, a file' })
    .option('etcd-key', { type: 'string', requiresArg: true, describe: 'Its key, a file' })
    .option('include', { type: 'string', array: true, requiresArg: true, describe: 'A file or folder to save with it, such as that of the certificates; may be given several times' })
    .example('sudo berth backup berth-today.backup', 'Save the local cluster')
    .example('sudo berth backup today.backup --etcd https://192.0.2.1:2379 --etcd-ca ca.crt --etcd-cert client.crt --etcd-key client.key --include /etc/berth', 'Save an installed one');

const filesBelow = (path: string): readonly string[] =>
  statSync(path).isDirectory() ? readdirSync(path, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted() : [path];

const included = (paths: readonly string[]): readonly Source[] =>
  paths.map((path) => resolve(path)).flatMap((path) => {
    if (!existsSync(path)) throw new UsageError(`--include ${path}: there is no such file`);
    return filesBelow(path).map((file) => ({ name: `files${file}`, from: { file } }));
  });

const tlsOf = ({ etcdCa, etcdCert, etcdKey }: BackupArguments): EtcdAccess['tls'] => {
  if (etcdCa === undefined && etcdCert === undefined && etcdKey === undefined) return undefined;
  if (etcdCa === undefined || etcdCert === undefined || etcdKey === undefined) throw new UsageError('--etcd-ca, --etcd-cert and --etcd-key belong together');
  return { authority: etcdCa, certificate: etcdCert, key: etcdKey };
};

/** Which etcd, and what is saved beside its content. Throws UsageError, Refused. */
const subjectOf = (args: BackupArguments): { readonly etcd: EtcdAccess; readonly sources: readonly Source[] } => {
  const extra = included(args.include ?? []);
  if (args.etcd) return { etcd: { endpoints: args.etcd, tls: tlsOf(args) }, sources: extra };
  const dataDir = trueDataDir(args.dataDir);
  const settings = readSettings(dataDir);
  if (!settings) throw new Refused(`there is no cluster in ${dataDir}; --data-dir names another, --etcd the etcd of an installed one`);
  if (process.getuid?.() !== 0) throw new Refused('saving a local cluster needs root; run it again with sudo');
  return { etcd: localEtcd(settings), sources: [...localSources(settings), ...extra] };
};

export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export const run = async (args: BackupArguments, program: Program): Promise<void> => {
  const file = resolve(args.file);
  if (existsSync(file)) throw new UsageError(`${file} is there already, and a backup replaces nothing; choose another name`);
  const { etcd, sources } = subjectOf(args);
  const progress = createProgress(program.stderr, program.clock);
  const snapshot = `${file}.snapshot`;
  rmSync(snapshot, { force: true });
  try {
    await progress.step('snapshot of etcd', async (note) => {
      const endpoint = await saveSnapshot(etcd, snapshot);
      note(`${megabytes(statSync(snapshot).size)} from ${endpoint}`);
    });
    await progress.step('backup written', async (note) => {
      const about = { createdAt: timestamp(program.clock.nowMs()), berth: programVersion };
      note(`${megabytes(await writeArchive(file, about, [{ name: snapshotPart, from: { file: snapshot } }, ...sources]))} in ${file}`);
    });
  } finally {
    rmSync(snapshot, { force: true });
  }
};
