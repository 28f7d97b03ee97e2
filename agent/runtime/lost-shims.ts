/**
 * Shims that serve nothing. A call that makes a sandbox is cancelled when the agent dies, and dies itself with containerd; either
 * may leave a shim that has no process below it and that containerd no longer knows. Nobody else ends it.
 *
 * A shim that is just being started looks the same for a moment. So one is ended only when two looks, a relist apart, found
 * it so; and it is looked for only after an agent or containerd began anew.
 */
import { readdir, readFile } from 'node:fs/promises';

const looksAfterBreak = 2;

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

export class LostShims {
  readonly #socket: string;
  #looksLeft = looksAfterBreak;
  #suspects: ReadonlySet<string> = new Set();

  /** @param socket of the containerd whose shims they are */
  constructor(socket: string) {
    this.#socket = socket;
  }

  /** containerd began anew. */
  afterBreak(): void {
    this.#looksLeft = looksAfterBreak;
  }

  /** @param known ids of the sandboxes and containers that containerd knows. Resolves to the pids of the shims that were ended. */
  async look(known: ReadonlySet<string>): Promise<readonly number[]> {
    if (this.#looksLeft === 0) return [];
    this.#looksLeft -= 1;
    const idle = await this.#idle(known);
    const lost = idle.filter(({ pid, startedTicks }) => this.#suspects.has(`${pid} ${startedTicks}`)).map(({ pid }) => pid);
    this.#suspects = new Set(idle.map(({ pid, startedTicks }) => `${pid} ${startedTicks}`));
    for (const pid of lost) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    return lost;
  }

  /** This containerd's shims without a process below them and without a container that is known. */
  async #idle(known: ReadonlySet<string>): Promise<Process[]> {
    const all = await processes();
    const parents = new Set(all.map(({ parent }) => parent));
    // The kernel cuts names to 15 characters.
    const childless = all.filter(({ pid, name }) => name === 'containerd-shim' && !parents.has(pid));
    const own = await Promise.all(childless.map(async ({ pid }) => {
      const commandLine = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      return argument(commandLine, '-address') === this.#socket && !known.has(argument(commandLine, '-id') ?? '');
    }));
    return childless.filter((_, index) => own[index]);
  }
}
