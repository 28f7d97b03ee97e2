/**
 * Shims that serve nothing. A call that makes a sandbox is cancelled when the agent dies, and dies itself with containerd; either
 * may leave a shim that has no process below it and that containerd no longer knows. Nobody else ends it.
 */
import { readdir, readFile } from 'node:fs/promises';
import type { LostFinder } from './leftovers.ts';

interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  readonly startedTicks: string;
}

/** From the text of /proc/PID/stat; undefined when it is not one. The name is in parentheses and may hold some itself. */
export const parseStat = (text: string): Process | undefined => {
  const match = /^(\d+) \((.*)\) (.*)$/s.exec(text);
  const fields = match?.[3]?.split(' ') ?? [];
  if (!match || fields.length < 20) return undefined;
  return { pid: Number(match[1]), name: match[2] ?? '', parent: Number(fields[1]), startedTicks: fields[19] ?? '' };
};

const processes = async (): Promise<Process[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(async (pid) => parseStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))));
  return found.filter((process_) => process_ !== undefined);
};

/** The value after an argument in the text of /proc/PID/cmdline. */
const argument = (commandLine: readonly string[], name: string): string | undefined => {
  const at = commandLine.indexOf(name);
  return at < 0 ? undefined : commandLine[at + 1];
};

/** This containerd's shims without a process below them and without a container that is known. @param socket of the containerd */
export const lostShims = (socket: string): LostFinder => async (known) => {
  const all = await processes();
  const parents = new Set(all.map(({ parent }) => parent));
  // The kernel cuts names to 15 characters.
  const childless = all.filter(({ pid, name }) => name === 'containerd-shim' && !parents.has(pid));
  const own = await Promise.all(childless.map(async ({ pid }) => {
    const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    return argument(commandLine, '-address') === socket && !known.has(argument(commandLine, '-id') ?? '');
  }));
  return childless.filter((_, index) => own[index]).map(({ pid, startedTicks }) => ({
    key: `shim ${pid} ${startedTicks}`,
    end: async () => void process.kill(pid, 'SIGKILL'),
  }));
};
