/**
 * What containers have on the host: processes, cgroups, mounts, shims and their sockets; of all of a cluster's nodes or
 * of one. All of it is found by the cluster's name and folders, never by a record.
 */
import { existsSync, readFileSync, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../proto/process/clock.ts';
import { succeeds } from './command.ts';
import { ended, killUntilGone, processesWith } from './processes.ts';
import { type ClusterSettings, hostPrefix, paths } from './settings.ts';

export interface Remains {
  /** Below each hierarchy's root. */
  readonly cgroup: string;
  /** Text that is in the command line of each shim. */
  readonly shimMark: string;
  /** State directories of containerd. */
  readonly stateDirs: readonly string[];
  /** Mounts below these belong to it. */
  readonly mountFolders: readonly string[];
}

const children = (path: string): string[] => {
  try {
    return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
};

export const clusterRemains = (settings: ClusterSettings): Remains => {
  const { run } = paths(settings.dataDir);
  return { cgroup: hostPrefix(settings), shimMark: `-address ${run}/`, stateDirs: children(run), mountFolders: [settings.dataDir] };
};

export const nodeRemains = (settings: ClusterSettings, name: string): Remains => {
  const { run, node } = paths(settings.dataDir);
  const stateDir = join(run, name);
  return { cgroup: join(hostPrefix(settings), name), shimMark: `-address ${stateDir}/`, stateDirs: [stateDir], mountFolders: [stateDir, node(name)] };
};

/** The cgroup in every hierarchy that has it: version 1 controllers, hybrid and version 2. */
const cgroupsOf = ({ cgroup }: Remains): string[] =>
  ['/sys/fs/cgroup', ...children('/sys/fs/cgroup')].map((root) => join(root, cgroup)).filter((path) => existsSync(join(path, 'cgroup.procs')));

export const hasCgroups = (remains: Remains): boolean => cgroupsOf(remains).length > 0;

const processesIn = (cgroup: string): number[] => {
  try {
    return [
      ...readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter((line) => line !== '' && line !== '0').map(Number),
      ...children(cgroup).flatMap(processesIn),
    ];
  } catch {
    // Removed by its runtime meanwhile.
    return [];
  }
};

export const containerProcesses = (remains: Remains): readonly number[] => [...new Set(cgroupsOf(remains).flatMap(processesIn))];

export const shims = ({ shimMark }: Remains): readonly number[] => processesWith(shimMark);

const removeCgroup = (cgroup: string): void => {
  for (const child of children(cgroup)) removeCgroup(child);
  try {
    rmdirSync(cgroup);
  } catch {
    // A process in it is still ending; the next `down` or `up` takes the empty group with it.
  }
};

export const removeCgroups = (remains: Remains): void => {
  for (const cgroup of cgroupsOf(remains)) removeCgroup(cgroup);
};

/** Ends containers and their shims: SIGTERM, and SIGKILL for what is still there after `graceMs`. */
export const endContainers = async (remains: Remains, graceMs: number, clock: Clock): Promise<void> => {
  const pids = containerProcesses(remains);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGTERM');
    } catch {
      // Ended meanwhile.
    }
  }
  await ended(pids, graceMs, clock);
  // Shims first: each would otherwise report and clean up on its own while we do.
  await killUntilGone(() => shims(remains), clock);
  await killUntilGone(() => containerProcesses(remains), clock);
  removeCgroups(remains);
};

/** Sockets that killed shims left outside the data directory; each bundle names its own. */
export const removeShimSockets = ({ stateDirs }: Remains): void => {
  for (const stateDir of stateDirs) {
    for (const bundle of children(join(stateDir, 'containerd', 'io.containerd.runtime.v2.task', 'k8s.io'))) {
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
export const removeCniResults = ({ mountFolders }: Remains): void => {
  const folder = '/var/lib/cni/results';
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    try {
      const text = readFileSync(path, 'utf8');
      if (mountFolders.some((owner) => text.includes(`${owner}/`))) rmSync(path, { force: true });
    } catch {
      // Somebody else's, just removed.
    }
  }
};

export const mountsOf = ({ mountFolders }: Remains): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((path) => mountFolders.some((folder) => path.startsWith(`${folder}/`)));

/** What one command takes. */
const unmountedAtOnceMax = 100;

/** The latest first: those may lie upon earlier ones. */
export const unmountAll = async (remains: Remains): Promise<void> => {
  const mounts = mountsOf(remains).reverse();
  for (let at = 0; at < mounts.length; at += unmountedAtOnceMax) await succeeds('umount', ['-l', ...mounts.slice(at, at + unmountedAtOnceMax)]);
};
