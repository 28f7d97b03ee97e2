/**
 * The state of a local cluster, saved and brought back. A restore prepares the members' new folders beside the old ones and is settled
 * by one rename; `up` then puts them in place, also where it was cut off.
 *
 *     restore/new: snapshot, members made from it ──rename──► restore/ready ──stop controllers and etcd, move each──► gone
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import { syncFolder, writeDurably } from '../../proto/process/durable-file.ts';
import { type Archive, type Source } from '../backup/archive.ts';
import { type EtcdAccess, restoreMember } from '../backup/snapshot.ts';
import { Refused } from '../errors.ts';
import { isController } from './controllers.ts';
import { etcdMembers } from './etcd.ts';
import { clusterProcesses, type ProcessFolders, stop } from './processes.ts';
import { type ClusterSettings, paths } from './settings.ts';
import { together } from './together.ts';

const programGraceMs = 5_000;

/** Names of the parts of a backup. */
export const snapshotPart = 'etcd.snapshot';
const settingsPart = 'cluster.json';
const pkiFolder = 'pki/';
const authorityPart = `${pkiFolder}ca.crt`;

export const localEtcd = (settings: ClusterSettings): EtcdAccess => {
  const { pki } = paths(settings.dataDir);
  return {
    endpoints: etcdMembers(settings).map(({ clientUrl }) => clientUrl),
    tls: { authority: join(pki, 'etcd-ca.crt'), certificate: join(pki, 'etcd-client.crt'), key: join(pki, 'etcd-client.key') },
  };
};

/** What is needed beside etcd's content to have the same cluster again elsewhere: its settings, and who may talk to whom. */
export const localSources = ({ dataDir }: ClusterSettings): readonly Source[] => {
  const { settings, pki } = paths(dataDir);
  const files = readdirSync(pki).filter((name) => /\.(crt|key)$/.test(name)).toSorted();
  return [{ name: settingsPart, from: readFileSync(settings) }, ...files.map((name) => ({ name: `${pkiFolder}${name}`, from: readFileSync(join(pki, name)) }))];
};

/** Throws Refused where the backup is of another cluster than the one that is there: its nodes and clients trust another authority. */
export const checkSameCluster = async (archive: Archive, { dataDir }: ClusterSettings): Promise<void> => {
  const present = readFileSync(join(paths(dataDir).pki, 'ca.crt'));
  if ((await archive.read(authorityPart)).equals(present)) return;
  throw new Refused(`the backup is of another cluster than the one in ${dataDir}; restore it to another --data-dir, or run "berth down" first`);
};

/** The settings that the cluster was saved with, for a data directory that has none. */
export const savedSettings = async (archive: Archive, dataDir: string): Promise<ClusterSettings> =>
  ({ ...(JSON.parse((await archive.read(settingsPart)).toString()) as ClusterSettings), dataDir });

/** Certificates and keys as they were saved; what is there stays. */
export const restorePki = async (archive: Archive, { dataDir }: ClusterSettings): Promise<void> => {
  const { pki } = paths(dataDir);
  mkdirSync(pki, { recursive: true, mode: 0o700 });
  for (const { name } of archive.parts.filter((part) => part.name.startsWith(pkiFolder))) {
    const file = join(pki, basename(name));
    if (!existsSync(file)) writeDurably(file, await archive.read(name));
  }
};

const folders = (dataDir: string) => {
  const { restore } = paths(dataDir);
  return { restore, unfinished: join(restore, 'new'), ready: join(restore, 'ready') };
};

/** Makes all members anew from the snapshot, without touching those that run. From its last step on, `up` uses them. */
export const prepareRestore = async (archive: Archive, settings: ClusterSettings): Promise<void> => {
  const { restore, unfinished, ready } = folders(settings.dataDir);
  rmSync(restore, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true, mode: 0o700 });
  const snapshot = join(restore, 'snapshot');
  await archive.extract(snapshotPart, snapshot);
  const members = etcdMembers(settings);
  const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const token = `berth-${randomBytes(8).toString('hex')}`;
  for (const { name, peerUrl } of members) await restoreMember(snapshot, { name, peerUrl, dataDir: join(unfinished, name) }, initialCluster, token);
  rmSync(snapshot);
  syncFolder(unfinished);
  renameSync(unfinished, ready);
  syncFolder(restore);
};

/** Whether a restore is settled and not yet in place. */
export const isRestorePending = ({ dataDir }: ClusterSettings): boolean => existsSync(folders(dataDir).ready);

/** Puts the members' new folders in the place of the old ones. May be cut off at any point and run again. */
export const finishRestore = async (settings: ClusterSettings, processes: ProcessFolders, clock: Clock): Promise<void> => {
  const { restore, ready } = folders(settings.dataDir);
  const running = [...new Set(clusterProcesses(processes).map(({ name }) => name))];
  await together(running.filter(isController).map((name) => stop(processes, name, programGraceMs, clock)));
  for (const name of running.filter((candidate) => /^etcd(-\d+)?$/.test(candidate))) await stop(processes, name, programGraceMs, clock);
  for (const { name, dataDir } of etcdMembers(settings)) {
    const made = join(ready, name);
    if (!existsSync(made)) continue;
    rmSync(dataDir, { recursive: true, force: true });
    mkdirSync(dirname(dataDir), { recursive: true, mode: 0o700 });
    renameSync(made, dataDir);
    syncFolder(dirname(dataDir));
  }
  rmSync(restore, { recursive: true });
};
