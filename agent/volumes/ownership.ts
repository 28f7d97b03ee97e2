/** fsGroup: what a volume of the pod's own belongs to, so that processes of any user in that group can use it. */
import { chmod, chown, lchown, lstat, readdir } from 'node:fs/promises';

const setGid = 0o2000;

/** The group owns everything below `path` and may read it, and write and enter it where `writable`. */
export const giveToGroup = async (path: string, group: number, writable: boolean): Promise<void> => {
  const stat = await lstat(path);
  if (stat.isSymbolicLink()) {
    await lchown(path, stat.uid, group);
    return;
  }
  await chown(path, stat.uid, group);
  const bits = writable ? 0o660 : 0o440;
  const mode = (stat.mode & 0o7777) | bits | (stat.isDirectory() ? setGid | 0o110 : 0);
  await chmod(path, mode);
  if (!stat.isDirectory()) return;
  for (const name of await readdir(path)) await giveToGroup(`${path}/${name}`, group, writable);
};
