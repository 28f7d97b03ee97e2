/** What the agent reads of its host for the node's status: /proc, /etc and one statfs. */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, machine, totalmem } from 'node:os';

/** What does not change while the agent runs. */
export interface HostIdentity {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
  /** As Go names it: amd64, arm64. */
  readonly architecture: string;
}

/** What does. */
export interface HostState {
  readonly memoryAvailableBytes: number;
  readonly diskBytes: number;
  readonly diskAvailableBytes: number;
  readonly pids: number;
  readonly pidsMax: number;
}

const text = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    // Not every system has every one of these files; the status then leaves the field empty.
    return '';
  }
};

const goArchitectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', i686: '386' };

/** PRETTY_NAME of an os-release file. */
export const osImageIn = (osRelease: string): string => /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux';

/** Bytes of a line of /proc/meminfo; 0 when it is not there. */
export const meminfoBytes = (meminfo: string, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * 1_024;

/** All threads of the host: the second half of the fourth field of /proc/loadavg. */
export const threadsIn = (loadavg: string): number => Number(/\d+\/(\d+)/.exec(loadavg)?.[1] ?? 0);

export const readHostIdentity = async (): Promise<HostIdentity> => {
  const [kernelVersion, osRelease, machineId, bootId] = await Promise.all(
    ['/proc/sys/kernel/osrelease', '/etc/os-release', '/etc/machine-id', '/proc/sys/kernel/random/boot_id'].map(text),
  );
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    kernelVersion: kernelVersion ?? '',
    osImage: osImageIn(osRelease ?? ''),
    machineId: machineId ?? '',
    bootId: bootId ?? '',
    architecture: goArchitectures[machine()] ?? machine(),
  };
};

/** `rootDir` is on the filesystem that pods write to. */
export const readHostState = async (rootDir: string): Promise<HostState> => {
  const [meminfo, loadavg, pidMax, disk] = await Promise.all([
    text('/proc/meminfo'),
    text('/proc/loadavg'),
    text('/proc/sys/kernel/pid_max'),
    statfs(rootDir),
  ]);
  return {
    memoryAvailableBytes: meminfoBytes(meminfo, 'MemAvailable'),
    diskBytes: disk.blocks * disk.bsize,
    diskAvailableBytes: disk.bavail * disk.bsize,
    pids: threadsIn(loadavg),
    pidsMax: Number(pidMax),
  };
};
