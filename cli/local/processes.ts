/**
 * The cluster's processes on this host. Each is kept running by a supervisor of its own (deploy/supervise.sh), in a
 * session of its own, so that it survives the terminal. What runs is asked of the kernel; the pid files in the run
 * directory are for people.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../proto/process/clock.ts';
import { hostEnvironment } from './command.ts';

const superviseScript = fileURLToPath(new URL('../../deploy/supervise.sh', import.meta.url));

export interface ProcessSpec {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessFolders {
  readonly run: string;
  readonly logs: string;
}

const stopPollMs = 25;
const killRoundsMax = 10;

/** In the environment of every process under a supervisor: the run directory and the name. */
const markVariable = 'BERTH_PROCESS';

/** One process that a supervisor started, or the supervisor itself. */
export interface ClusterProcess {
  readonly pid: number;
  readonly name: string;
  readonly isSupervisor: boolean;
}

const supervisorScript = '/deploy/supervise.sh';

/** The null-terminated strings of a file in /proc; none when the process is gone or somebody else's. */
const strings = (file: string): readonly string[] => {
  try {
    return readFileSync(file, 'utf8').split('\0');
  } catch {
    return [];
  }
};

const sessionOf = (pid: number): number => {
  // The name of the program, in parentheses, may hold spaces.
  const fields = strings(`/proc/${pid}/stat`)[0]?.split(') ').at(-1)?.split(' ') ?? [];
  return Number(fields[3] ?? 0);
};

const allPids = (): readonly number[] => readdirSync('/proc').filter((entry) => /^\d+$/.test(entry)).map(Number);

/**
 * The cluster's processes as the kernel knows them, so that stale pid files (a power cut), lost ones (a folder deleted
 * by hand) and killed supervisors mislead nobody. Shims are left out: they outlive their containerd on purpose.
 */
export const clusterProcesses = (folders: ProcessFolders): readonly ClusterProcess[] =>
  allPids().flatMap((pid): ClusterProcess[] => {
    const args = strings(`/proc/${pid}/cmdline`);
    const script = args.findIndex((arg) => arg.endsWith(supervisorScript));
    // The shell that bounds the log is a fork of its supervisor: same arguments, another session leader.
    if (script > 0 && args[script + 2] === folders.run && sessionOf(pid) === pid) return [{ pid, name: args[script + 1] ?? '', isSupervisor: true }];
    if (args.length <= 1 || args[0]?.includes('containerd-shim')) return [];
    const mark = strings(`/proc/${pid}/environ`).find((entry) => entry.startsWith(`${markVariable}=${folders.run}/`));
    return mark === undefined ? [] : [{ pid, name: mark.slice(`${markVariable}=${folders.run}/`.length), isSupervisor: false }];
  });

/** Names of the processes that have a living supervisor. */
export const supervised = (folders: ProcessFolders): readonly string[] =>
  clusterProcesses(folders).filter((found) => found.isSupervisor).map((found) => found.name);

/** Starts a process and its supervisor unless they run; both get `sockets` as file descriptors 3, 4, … Returns whether it had to. */
export const start = (folders: ProcessFolders, spec: ProcessSpec, sockets: readonly number[] = []): boolean => {
  if (supervised(folders).includes(spec.name)) return false;
  const log = join(folders.logs, `${spec.name}.log`);
  const out = openSync(log, 'a', 0o640);
  const child = spawn('/bin/sh', [superviseScript, spec.name, folders.run, log, '--', spec.program, ...spec.args], {
    detached: true,
    stdio: ['ignore', out, out, ...sockets],
    cwd: '/',
    env: { PATH: hostEnvironment(process.env)['PATH'], HOME: '/root', ...spec.env, [markVariable]: `${folders.run}/${spec.name}` },
  });
  child.unref();
  closeSync(out);
  return true;
};

/** A process that has ended and waits for its parent to take notice is gone for us. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile, which is what the signal was for.
  }
};

/** Resolves to the pids that still live after `timeoutMs`. */
export const ended = async (pids: readonly number[], timeoutMs: number, clock: Clock): Promise<readonly number[]> => {
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  let living = pids.filter(isAlive);
  while (living.length > 0 && clock.monotonicMs() < deadlineMs) {
    await clock.sleep(stopPollMs);
    living = living.filter(isAlive);
  }
  return living;
};

/** Ends a process and its supervisor, or what is left of the two: SIGTERM, and SIGKILL for what is still there after `graceMs`. */
export const stop = async (folders: ProcessFolders, name: string, graceMs: number, clock: Clock): Promise<void> => {
  const left = (): number[] => clusterProcesses(folders).filter((found) => found.name === name).map((found) => found.pid);
  const pids = left();
  for (const pid of pids) signal(pid, 'SIGTERM');
  await ended(pids, graceMs, clock);
  // Asked again: a supervisor may have started the program anew, or that a child of its own, just before the signal came.
  await killUntilGone(left, clock);
  for (const suffix of ['pid', 'supervisor']) rmSync(join(folders.run, `${name}.${suffix}`), { force: true });
};

/** Pids of all processes whose command line holds `text`: for what a containerd leaves behind, its shims. */
export const processesWith = (text: string): readonly number[] =>
  allPids().filter((pid) => pid !== process.pid && strings(`/proc/${pid}/cmdline`).join(' ').includes(text));

/** Kills by pid and waits until they are gone. */
export const kill = async (pids: readonly number[], clock: Clock, timeoutMs = 5_000): Promise<void> => {
  for (const pid of pids) signal(pid, 'SIGKILL');
  await ended(pids, timeoutMs, clock);
};

/** Kills what `look` finds until it finds nothing more: what dies may just have started another. */
export const killUntilGone = async (look: () => readonly number[], clock: Clock): Promise<void> => {
  for (let round = 0; round < killRoundsMax; round += 1) {
    const left = look();
    if (left.length === 0) return;
    await kill(left, clock);
  }
};
