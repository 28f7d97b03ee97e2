/**
 * Processes of containers that containerd has forgotten: killed between starting a container and writing it down, it knows
 * nothing of it when it is back, and never stops it nor the shim that watches over it.
 */
import { readFile } from 'node:fs/promises';

/** The parent when it is a shim, whose only work is gone with its containers. */
const shimOf = async (pid: number): Promise<number | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  const [program = ''] = (await readFile(`/proc/${parent}/cmdline`, 'utf8').catch(() => '')).split('\0');
  return /(^|\/)containerd-shim[\w-]*$/.test(program) ? parent : undefined;
};

/** Kills them, and the shims above them. Those that end meanwhile are passed over. */
export const killLost = async (pids: readonly number[]): Promise<void> => {
  const shims = (await Promise.all(pids.map(shimOf))).filter((pid) => pid !== undefined);
  for (const pid of new Set([...pids, ...shims])) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
};
