/**
 * subPath: a part of a volume, mounted so that no link inside of the volume can lead out of it. The path is resolved,
 * must be inside, and is then walked again from folder to folder without following links, each held open: what is
 * mounted is what was checked, even when a container changes the volume meanwhile.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { RuntimeFailure } from '../runtime/runtime.ts';
import { bindMount, unmountUnder } from './mounts.ts';

/** O_PATH: names a file without opening what is behind it (a pipe, a socket, a device). Not among Node's constants. */
const namesOnly = 0o10000000;

const throughHandle = (handle: FileHandle, name = ''): string => `/proc/${process.pid}/fd/${handle.fd}${name && `/${name}`}`;

const failure = (subPath: string, why: string): RuntimeFailure =>
  new RuntimeFailure('CreateContainerConfigError', `failed to prepare subPath ${JSON.stringify(subPath)}: ${why}`);

/** The part of `subPath` that exists, resolved, and the names that are still to be made. */
const resolveExisting = async (base: string, subPath: string): Promise<{ resolved: string; missing: string[] }> => {
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  for (let count = parts.length; count >= 0; count--) {
    const resolved = await realpath([base, ...parts.slice(0, count)].join('/')).catch(() => undefined);
    if (resolved !== undefined) return { resolved, missing: parts.slice(count) };
  }
  throw failure(subPath, 'the volume is not there');
};

/** Opens what `subPath` names below `volume`; folders that are not there are made. The caller closes the handle. */
export const openInside = async (volume: string, subPath: string): Promise<FileHandle> => {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) throw failure(subPath, 'it must be relative and stay inside of the volume');
  const base = await realpath(volume);
  const { resolved, missing } = await resolveExisting(base, subPath);
  if (resolved !== base && !resolved.startsWith(`${base}/`)) throw failure(subPath, 'it leads out of the volume');
  const existing = resolved.slice(base.length).split('/').filter(Boolean);
  let handle = await open(base, namesOnly | constants.O_DIRECTORY);
  for (const [index, name] of [...existing, ...missing].entries()) {
    const parent = handle;
    try {
      if (index >= existing.length) await mkdir(throughHandle(parent, name), { mode: 0o750 });
      handle = await open(throughHandle(parent, name), namesOnly | constants.O_NOFOLLOW);
      if ((await handle.stat()).isSymbolicLink()) {
        await handle.close();
        throw failure(subPath, 'it was replaced by a link meanwhile');
      }
    } finally {
      await parent.close();
    }
  }
  return handle;
};

/** Bind-mounts the part to `target`, in place of what an earlier run of the container had there. */
export const mountSubPath = async (volume: string, subPath: string, target: string): Promise<void> => {
  const handle = await openInside(volume, subPath);
  try {
    await unmountUnder(target);
    await mkdir(dirname(target), { recursive: true });
    if ((await handle.stat()).isDirectory()) await mkdir(target, { recursive: true });
    else await writeFile(target, '');
    await bindMount(throughHandle(handle), target);
  } finally {
    await handle.close();
  }
};
