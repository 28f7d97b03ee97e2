/** hostPath: a path of the node, checked against the type that the pod expects. */
import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failedMount } from './content.ts';

const checks: Readonly<Record<string, { readonly what: string; readonly is: (stats: Stats) => boolean }>> = {
  Directory: { what: 'a directory', is: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { what: 'a directory', is: (stats) => stats.isDirectory() },
  File: { what: 'a file', is: (stats) => stats.isFile() },
  FileOrCreate: { what: 'a file', is: (stats) => stats.isFile() },
  Socket: { what: 'a socket file', is: (stats) => stats.isSocket() },
  CharDevice: { what: 'a character device', is: (stats) => stats.isCharacterDevice() },
  BlockDevice: { what: 'a block device', is: (stats) => stats.isBlockDevice() },
};

/** Throws RuntimeFailure FailedMount when it is not what the pod expects. Without a type nothing is checked. */
export const checkHostPath = async (volume: string, path: string, type: string): Promise<void> => {
  if (type === '') return;
  const check = Object.hasOwn(checks, type) ? checks[type] : undefined;
  if (!check) throw failedMount(volume, `hostPath type ${JSON.stringify(type)} is unknown`);
  const found = await stat(path).catch(() => undefined);
  if (found && !check.is(found)) throw failedMount(volume, `hostPath type check failed: ${path} is not ${check.what}`);
  if (found) return;
  if (type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
    return;
  }
  // As in Kubernetes, a file's folder must be there already.
  const folder = type === 'FileOrCreate' && (await stat(dirname(path)).catch(() => undefined));
  if (!folder) throw failedMount(volume, `hostPath type check failed: ${path} is not ${check.what}: it does not exist`);
  await (await open(path, 'a', 0o644)).close();
};
