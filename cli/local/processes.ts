/**
 * The cluster's processes on this host. Each is kept running by a supervisor of its own (deploy/supervise.sh), in a
 * session of its own, so that it survives the terminal; pid files in the run directory are what `up` and `down` go by.
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

/** The pid in a file, if that process lives and is what the file is about: pids are used again. */
const livingPid = (file: string, belongs: (commandLine: string) => boolean): number | undefined => {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return commandLine !== '' && belongs(commandLine) ? pid : undefined;
  } catch {
    return undefined;
  }
};

const supervisorPid = (folders: ProcessFolders, name: string): number | undefined =>
  livingPid(join(folders.run, `${name}.supervisor`), (line) => line.includes(`${superviseScript} ${name} ${folders.run} `));

/** The pid of the program itself; undefined when it does not run. */
export const pidOf = (folders: ProcessFolders, name: string): number | undefined =>
  supervisorPid(folders, name) === undefined ? undefined : livingPid(join(folders.run, `${name}.pid`), () => true);

/** Starts a process and its supervisor unless they run. Returns whether it had to. */
export const start = (folders: ProcessFolders, spec: ProcessSpec): boolean => {
  if (supervisorPid(folders, spec.name) !== undefined) return false;
  const log = join(folders.logs, `${spec.name}.log`);
  const out = openSync(log, 'a', 0o640);
  const child = spawn('/bin/sh', [superviseScript, spec.name, folders.run, log, '--', spec.program, ...spec.args], {
    detached: true,
    stdio: ['ignore', out, out],
    cwd: '/',
    env: { PATH: hostEnvironment(process.env)['PATH'], HOME: '/root', ...spec.env },
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

/** Ends a process: SIGTERM, and SIGKILL for what is still there after `graceMs`. */
export const stop = async (folders: ProcessFolders, name: string, graceMs: number, clock: Clock): Promise<void> => {
  const program = pidOf(folders, name) ?? livingPid(join(folders.run, `${name}.pid`), (line) => line.includes(folders.run.replace(/run$/, '')));
  const pids = [supervisorPid(folders, name), program].filter((pid) => pid !== undefined);
  for (const pid of pids) signal(pid, 'SIGTERM');
  for (const pid of await ended(pids, graceMs, clock)) signal(pid, 'SIGKILL');
  await ended(pids, graceMs, clock);
  rmSync(join(folders.run, `${name}.pid`), { force: true });
  rmSync(join(folders.run, `${name}.supervisor`), { force: true });
};

/** Names of the processes that have a supervisor here. */
export const running = (folders: ProcessFolders): readonly string[] => {
  let files: string[];
  try {
    files = readdirSync(folders.run);
  } catch {
    return [];
  }
  return files.filter((file) => file.endsWith('.supervisor')).map((file) => file.slice(0, -'.supervisor'.length));
};

/** Pids of all processes whose command line holds `text`: for what a containerd leaves behind, its shims. */
export const processesWith = (text: string): readonly number[] =>
  readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return pid !== process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
      } catch {
        return false;
      }
    });

/** Kills by pid and waits until they are gone. */
export const kill = async (pids: readonly number[], clock: Clock, timeoutMs = 5_000): Promise<void> => {
  for (const pid of pids) signal(pid, 'SIGKILL');
  await ended(pids, timeoutMs, clock);
};
