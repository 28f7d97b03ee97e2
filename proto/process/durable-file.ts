/**
 * Files that must be there, whole, after the power went: written beside, brought to the disk, renamed, and the folder brought to the
 * disk as well. A rename alone can leave an empty file behind.
 */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Brings the entries of a folder to the disk: what was made, renamed or removed in it. */
export const syncFolder = (path: string): void => {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
};

/** Replaces the file in one step; returns when it is on the disk. Readable by its owner only unless `mode` says otherwise. */
export const writeDurably = (path: string, data: string | Buffer, mode = 0o600): void => {
  // What a run left that was cut off would keep its mode.
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, data, { mode, flush: true });
  renameSync(`${path}.new`, path);
  syncFolder(dirname(path));
};
