/**
 * A folder whose files change all at once, laid out as Kubernetes does so that programs which know it keep working:
 *
 *     key      -> ..data/key
 *     ..data   -> ..<time and random>
 *     ..<time and random>/key
 *
 * A new folder is filled, then `..data` is swapped with one rename: a reader sees the old files or the new ones. What an agent that was
 * killed in between had not done yet, the next call does.
 */
import { chmod, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface FileContent {
  readonly data: Buffer;
  readonly mode: number;
}

/** By path below the folder, e.g. `key` or `sub/key`. */
export type FolderContent = ReadonlyMap<string, FileContent>;

const dataLink = '..data';

/** `..` as a part, or an absolute path, would leave the folder; `..` at the start is ours. */
export const isSafePath = (path: string): boolean => path !== '' && !path.startsWith('/') && !path.startsWith('..') && !path.split('/').includes('..');

const filesUnder = async (root: string, below = ''): Promise<string[]> => {
  const entries = await readdir(`${root}/${below}`, { withFileTypes: true });
  const nested = entries.map((entry) => (entry.isDirectory() ? filesUnder(root, `${below}${entry.name}/`) : [`${below}${entry.name}`]));
  return (await Promise.all(nested)).flat();
};

const isCurrent = async (folder: string, content: FolderContent): Promise<boolean> => {
  const target = await readlink(`${folder}/${dataLink}`).catch(() => undefined);
  if (target === undefined) return false;
  const current = `${folder}/${target}`;
  const paths = await filesUnder(current).catch(() => []);
  if (paths.length !== content.size) return false;
  for (const path of paths) {
    const wanted = content.get(path);
    if (!wanted || !(await readFile(`${current}/${path}`)).equals(wanted.data)) return false;
    if (((await lstat(`${current}/${path}`)).mode & 0o777) !== (wanted.mode & 0o777)) return false;
  }
  return true;
};

const fill = async (folder: string, content: FolderContent): Promise<void> => {
  await mkdir(folder, { mode: 0o755 });
  for (const [path, { data, mode }] of content) {
    await mkdir(dirname(`${folder}/${path}`), { recursive: true });
    await writeFile(`${folder}/${path}`, data);
    // Not left to writeFile: the umask would take bits away.
    await chmod(`${folder}/${path}`, mode);
  }
};

/** The links that name the content, and nothing else beside the present version. */
const putInOrder = async (folder: string, content: FolderContent): Promise<void> => {
  const version = await readlink(`${folder}/${dataLink}`);
  const names = new Set([...content.keys()].map((path) => path.split('/', 1)[0] ?? path));
  const entries = new Set(await readdir(folder));
  for (const name of names) if (!entries.has(name)) await symlink(`${dataLink}/${name}`, `${folder}/${name}`);
  for (const name of entries) if (name !== dataLink && name !== version && !names.has(name)) await rm(`${folder}/${name}`, { recursive: true, force: true });
};

/**
 * Makes the folder hold exactly `content`; `suffix` makes the name of a new version unique. `prepare` may change owners before
 * anybody sees the new files. Resolves to whether anything changed.
 */
export const writeAtomicFolder = async (
  folder: string,
  content: FolderContent,
  suffix: string,
  prepare: (version: string) => Promise<void> = () => Promise.resolve(),
): Promise<boolean> => {
  await mkdir(folder, { recursive: true });
  const changes = !(await isCurrent(folder, content));
  if (changes) {
    const version = `..${suffix}`;
    await fill(`${folder}/${version}`, content);
    await prepare(`${folder}/${version}`);
    await rm(`${folder}/${dataLink}_tmp`, { force: true });
    await symlink(version, `${folder}/${dataLink}_tmp`);
    await rename(`${folder}/${dataLink}_tmp`, `${folder}/${dataLink}`);
  }
  await putInOrder(folder, content);
  return changes;
};
