/** Stops a local cluster and removes everything that it made on the host, whatever state it is in. */
import { existsSync, readFileSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import { succeeds } from './command.ts';
import { hasNetwork, removeNetwork } from './host-network.ts';
import { knownKubeconfigs, removeFromKubeconfig } from './kubeconfig-merge.ts';
import { clusterProcesses, ended, kill, processesWith, stop } from './processes.ts';
import type { Progress } from './progress.ts';
import { type ClusterSettings, contextName, hostPrefix, ownedPaths, paths } from './settings.ts';

/** How long containers have to end by themselves, and how long programs have. */
const containerGraceMs = 3_000;
const programGraceMs = 5_000;

const children = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
};

/** The cluster's cgroup in every hierarchy that has it: version 1 controllers, hybrid and version 2. */
const cgroupRoots = (settings: ClusterSettings): string[] =>
  ['/sys/fs/cgroup', ...children('/sys/fs/cgroup')].map((root) => join(root, hostPrefix(settings))).filter((path) => existsSync(join(path, 'cgroup.procs')));

const processesIn = (cgroup: string): number[] => [
  ...readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter((line) => line !== '' && line !== '0').map(Number),
  ...children(cgroup).flatMap(processesIn),
];

const removeCgroup = (cgroup: string): void => {
  for (const child of children(cgroup)) removeCgroup(child);
  try {
    rmdirSync(cgroup);
  } catch {
    // A process in it is still ending; the next `down` or `up` takes the empty group with it.
  }
};

const stopContainers = async (settings: ClusterSettings, clock: Clock): Promise<void> => {
  const pids = [...new Set(cgroupRoots(settings).flatMap(processesIn))];
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // Ended meanwhile.
    }
  }
  await ended(pids, containerGraceMs, clock);
  // Shims first: each would otherwise report and clean up on its own while we do.
  await kill(processesWith(`-address ${paths(settings.dataDir).run}/`), clock);
  await kill([...new Set(cgroupRoots(settings).flatMap(processesIn))], clock);
  for (const root of cgroupRoots(settings)) removeCgroup(root);
};

/** Sockets that killed shims left outside the data directory; each bundle names its own. */
const removeShimSockets = (settings: ClusterSettings): void => {
  for (const node of children(paths(settings.dataDir).run)) {
    for (const bundle of children(join(node, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io'))) {
      try {
        const address = readFileSync(join(bundle, 'address'), 'utf8').trim();
        if (address.startsWith('unix:///run/containerd/s/')) rmSync(address.slice('unix://'.length), { force: true });
      } catch {
        // The shim had not got that far.
      }
    }
  }
};

/** CNI keeps one small file for each attachment in a folder that all its users share. */
const removeCniResults = (settings: ClusterSettings): void => {
  const folder = '/var/lib/cni/results';
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    try {
      if (readFileSync(path, 'utf8').includes(`${settings.dataDir}/`)) rmSync(path, { force: true });
    } catch {
      // Somebody else's, just removed.
    }
  }
};

const mountsOf = (settings: ClusterSettings): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => path.startsWith(`${settings.dataDir}/`));

const unmountAll = async (settings: ClusterSettings): Promise<void> => {
  for (const path of mountsOf(settings).reverse()) await succeeds('umount', ['-l', path]);
};

/** Removes what a cluster puts into its data directory, and nothing else that may lie there. */
const removeData = (settings: ClusterSettings): void => {
  const [mount] = mountsOf(settings);
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
  clusterProcesses(paths(settings.dataDir)).length > 0 || hasNetwork(settings) || cgroupRoots(settings).length > 0 || mountsOf(settings).length > 0 ||
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
    await stopContainers(settings, clock);
  });
  await progress.step('controller and registry', () => stopAll((name) => name === 'controller' || name === 'registry'));
  await progress.step('etcd', () => stopAll((name) => name === 'etcd'));
  await progress.step('mounts, networks, rules', async () => {
    await unmountAll(settings);
    removeShimSockets(settings);
    removeCniResults(settings);
    await removeNetwork(settings);
  });
  await progress.step('kubeconfig', async () => {
    for (const file of knownKubeconfigs(settings, context.env)) removeFromKubeconfig(file, contextName(settings), authorityOf(settings));
  });
  rmSync(run, { recursive: true, force: true });
  if (!context.keepData) await progress.step('data', async () => removeData(settings));
};
