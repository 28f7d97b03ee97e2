/** The files of a container's log: which there are, and where its last lines begin. */
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { runtimeLimits } from '../limits.ts';

/** One run's files, oldest first; the last one is written to. */
export interface RunFiles {
  readonly attempt: number;
  readonly paths: readonly string[];
}

const pattern = /^(\d+)\.log(?:\.(\d+))?$/;

/** The latest run first. Pure. */
export const groupLogFiles = (names: readonly string[]): { attempt: number; names: string[] }[] => {
  const runs = new Map<number, string[]>();
  for (const name of names) {
    const match = pattern.exec(name);
    if (match) runs.set(Number(match[1]), [...(runs.get(Number(match[1])) ?? []), name]);
  }
  // `0.log` sorts before `0.log.<time>`, but is the newest.
  const oldestFirst = (own: string[]): string[] => own.sort().toSorted((a, b) => Number(a.endsWith('.log')) - Number(b.endsWith('.log')));
  return [...runs].sort(([a], [b]) => b - a).map(([attempt, own]) => ({ attempt, names: oldestFirst(own) }));
};

export const runsOf = async (folder: string): Promise<RunFiles[]> => {
  const names = await readdir(folder).catch(() => []);
  return groupLogFiles(names).map(({ attempt, names: own }) => ({ attempt, paths: own.map((name) => `${folder}/${name}`) }));
};

const newline = 0x0a;

/** Where the last `lines` lines of a file begin, and how many there are: read from its end, as far as it takes. */
const tailOffset = async (file: FileHandle, lines: number): Promise<{ offset: number; found: number }> => {
  const { size } = await file.stat();
  const block = Buffer.alloc(Math.min(runtimeLimits.logReadBytes, Math.max(size, 1)));
  let found = 0;
  let end = size;
  while (end > 0) {
    const start = Math.max(0, end - block.length);
    await file.read(block, 0, end - start, start);
    for (let index = end - start - 1; index >= 0; index--) {
      if (block[index] !== newline) continue;
      // The newline at the very end closes the last line; it begins none.
      if (start + index !== size - 1 && ++found === lines) return { offset: start + index + 1, found };
    }
    end = start;
  }
  return { offset: 0, found: size > 0 ? found + 1 : 0 };
};

/** The file and the place in it where the last `tailLines` lines of a run begin. */
export const tailStart = async (paths: readonly string[], tailLines: number): Promise<{ index: number; offset: number }> => {
  let left = tailLines;
  for (let index = paths.length - 1; index >= 0; index--) {
    const file = await open(paths[index] ?? '', 'r').catch(() => undefined);
    if (!file) continue;
    try {
      if (left === 0) return { index, offset: (await file.stat()).size };
      const { offset, found } = await tailOffset(file, left);
      if (found >= left) return { index, offset };
      left -= found;
      // Exactly at the border: nothing of the older file is wanted.
      if (left === 0) return { index, offset };
    } finally {
      await file.close();
    }
  }
  return { index: 0, offset: 0 };
};
