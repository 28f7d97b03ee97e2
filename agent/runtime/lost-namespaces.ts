/** Network namespaces that containerd made for a sandbox and lost: mounted below its state folder, with no process in them. */
import { readdir, readlink, rm, stat } from 'node:fs/promises';
import { mountPoints, unmountUnder } from '../volumes/mounts.ts';
import type { LostFinder } from './leftovers.ts';

/** Inodes of the network namespaces that some process is in. */
const inUse = async (): Promise<ReadonlySet<number>> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const links = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/ns/net`).catch(() => '')));
  return new Set(links.map((link) => Number(/\[(\d+)\]/.exec(link)?.[1] ?? 0)));
};

/** @param stateDir of the containerd; those that it keeps elsewhere are not told from those of others */
export const lostNamespaces = (stateDir: string): LostFinder => async () => {
  const mounts = (await mountPoints()).filter((path) => path.startsWith(`${stateDir}/`) && /\/netns\/cni-[\w-]+$/.test(path));
  if (mounts.length === 0) return [];
  const used = await inUse();
  const inodes = await Promise.all(mounts.map((path) => stat(path).then(({ ino }) => ino, () => undefined)));
  return mounts.filter((_, index) => inodes[index] !== undefined && !used.has(inodes[index])).map((path) => ({
    key: `namespace ${path}`,
    end: async () => {
      await unmountUnder(path);
      await rm(path, { force: true });
    },
  }));
};
