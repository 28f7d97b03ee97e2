/** Stops a local cluster and removes everything that it made on the host, whatever state it is in. */
import { existsSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import { isController } from './controllers.ts';
import { hasNetwork, removeNetwork } from './host-network.ts';
import { knownKubeconfigs, removeFromKubeconfig } from './kubeconfig-merge.ts';
import { clusterProcesses, stop } from './processes.ts';
import type { Progress } from './progress.ts';
import { clusterRemains, endContainers, hasCgroups, mountsOf, removeCniResults, removeShimSockets, unmountAll } from './remains.ts';
import { type ClusterSettings, contextName, ownedPaths, paths } from './settings.ts';

/** How long containers have to end by themselves, and how long programs have. */
const containerGraceMs = 3_000;
const programGraceMs = 5_000;

/** Removes what a cluster puts into its data directory, and nothing else that may lie there. */
const removeData = (settings: ClusterSettings): void => {
  const [mount] = mountsOf(clusterRemains(settings));
  // Deleting through a mount would delete what it shows: a host's folder, say.
  if (mount) throw new Error(`${mount} is still mounted, so the data stays; unmount it and run berth down again`);
  for (const path of ownedPaths(settings.dataDir)) rmSync(path, { recursive: true, force: true });
  try {
    rmdirSync(settings.dataDir);
  } catch {
    // Something of somebody else lies there.
  }
};

const authorityOf = (settings: ClusterSettings): string | undefined => {
  const file = join(paths(settings.dataDir).pki, 'ca.crt');
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
};

export interface DownContext {
  readonly settings: ClusterSettings;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Keeps objects, images and certificates, so that `up` goes on from here. */
  readonly keepData: boolean;
}

/** Whether anything of a cluster is left on this host, for one whose settings are gone. */
export const hasTraces = (settings: ClusterSettings): boolean =>
  clusterProcesses(paths(settings.dataDir)).length > 0 || hasNetwork(settings) || hasCgroups(clusterRemains(settings)) || mountsOf(clusterRemains(settings)).length > 0 ||
  existsSync(join(paths(settings.dataDir).pki, 'ca.key'));

/** Idempotent: what is gone already is passed over. */
export const down = async (context: DownContext): Promise<void> => {
  const { settings, progress, clock } = context;
  const { run, logs } = paths(settings.dataDir);
  const folders = { run, logs };
  const names = [...new Set(clusterProcesses(folders).map((found) => found.name))];
  const stopAll = (wanted: (name: string) => boolean): Promise<unknown> =>
    Promise.all(names.filter(wanted).map((name) => stop(folders, name, programGraceMs, clock)));
  // Agents first, so that nobody starts again what is being stopped; etcd last, so that the controller can finish.
  await progress.step('agents', () => stopAll((name) => name.endsWith('-agent')));
  await progress.step('containers', async () => {
    await stopAll((name) => name.endsWith('-containerd'));
    await endContainers(clusterRemains(settings), containerGraceMs, clock);
  });
  await progress.step('controller and registry', () => stopAll((name) => isController(name) || name === 'registry'));
  await progress.step('etcd', async () => {
    // One after the other: the leading member hands over before it ends, and waits for one that ends as well.
    for (const name of names.filter((candidate) => candidate.startsWith('etcd'))) await stop(folders, name, programGraceMs, clock);
  });
  await progress.step('mounts, networks, rules', async () => {
    const remains = clusterRemains(settings);
    await unmountAll(remains);
    removeShimSockets(remains);
    removeCniResults(remains);
    await removeNetwork(settings);
  });
  await progress.step('kubeconfig', async () => {
    for (const file of knownKubeconfigs(settings, context.env)) removeFromKubeconfig(file, contextName(settings), authorityOf(settings));
  });
  rmSync(run, { recursive: true, force: true });
  if (!context.keepData) await progress.step('data', async () => removeData(settings));
};
