/** mount(8) and umount(8): Node has no system call for them. */
import { execFile } from 'node:child_process';
import { readFile, realpath } from 'node:fs/promises';

const run = (command: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    execFile(command, [...args], (error, _stdout, stderr) => {
      if (error) reject(new Error(`${command}: ${stderr.trim() || error.message}`));
      else resolve();
    });
  });

/** mountinfo writes spaces, tabs, newlines and backslashes in octal. */
const unescapeOctal = (text: string): string => text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Mount points in the order they were made. */
export const parseMountPoints = (mountinfo: string): string[] =>
  mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map(unescapeOctal);

export const mountPoints = async (): Promise<string[]> => parseMountPoints(await readFile('/proc/self/mountinfo', 'utf8'));

/** mountinfo has paths without links; what is compared with it must have none either. */
const withoutLinks = (path: string): Promise<string> => realpath(path).catch(() => path);

export const isMounted = async (path: string): Promise<boolean> => (await mountPoints()).includes(await withoutLinks(path));

/** For everybody, and what is made in it the group's, where there is one. `sizeBytes` 0 leaves the size to the kernel: half of the memory. */
export const mountTmpfs = (path: string, sizeBytes: number, group?: number): Promise<void> => {
  const options = [...(sizeBytes > 0 ? [`size=${sizeBytes}`] : []), ...(group === undefined ? ['mode=0777'] : ['mode=2777', `gid=${group}`])];
  return run('mount', ['-t', 'tmpfs', '-o', options.join(), 'tmpfs', path]);
};

/** `source` is used as it is, links and all: it may name an open file below /proc. */
export const bindMount = (source: string, target: string): Promise<void> => run('mount', ['--no-canonicalize', '--bind', source, target]);

const mountsUnder = async (folder: string): Promise<string[]> => {
  const real = await withoutLinks(folder);
  return (await mountPoints()).filter((path) => path === real || path.startsWith(`${real}/`));
};

/**
 * Everything mounted below (or at) a folder, the last first; busy mounts go when their last user does. Rejects when something is
 * still there afterwards: whoever removes the folder next would delete what is behind it.
 */
export const unmountUnder = async (folder: string): Promise<void> => {
  const paths = await mountsUnder(folder);
  if (paths.length === 0) return;
  for (const path of paths.reverse()) await run('umount', ['--lazy', '--no-canonicalize', path]);
  const left = await mountsUnder(folder);
  if (left.length > 0) throw new Error(`still mounted: ${left.join(', ')}`);
};
