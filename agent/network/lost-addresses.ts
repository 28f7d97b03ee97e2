/**
 * What CNI plugins hold for sandboxes that are gone: addresses of host-local, rules of portmap. A sandbox that dies with
 * containerd between the plugins and its own record leaves them, and a node would run out of addresses.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';
import type { Lost, LostFinder } from '../runtime/leftovers.ts';
import { run } from './command.ts';

/** The sandbox that has the address. A file without one is just being written, or the power went before its content was on the disk: then it stays so. */
const ownerOf = async (path: string): Promise<string> => {
  const owner = (await readFile(path, 'utf8')).split(/\r?\n/)[0] ?? '';
  if (owner !== '') return owner;
  const { ino, mtimeMs } = await stat(path);
  return `nobody since ${mtimeMs} (${ino})`;
};

/** @param leasesDir host-local's, with a folder for each network; a file per address whose first line is the sandbox's id */
export const lostAddresses = (leasesDir: string): LostFinder => async (known) => {
  const folders = await readdir(leasesDir).catch(() => []);
  const files = (await Promise.all(folders.map(async (folder) => (await readdir(join(leasesDir, folder)).catch(() => [])).map((name) => join(leasesDir, folder, name))))).flat();
  const leases = files.filter((path) => isIPv4(path.slice(path.lastIndexOf('/') + 1)));
  const owners = await Promise.all(leases.map((path) => ownerOf(path).catch(() => undefined)));
  return leases.flatMap((path, index): Lost[] => {
    const owner = owners[index];
    return owner === undefined || known.has(owner) ? [] : [{ key: `address ${path} of ${owner}`, end: () => rm(path, { force: true }) }];
  });
};

export interface PortRule {
  readonly sandboxId: string;
  /** The chain with the sandbox's own rules. */
  readonly chain: string;
  /** The rule that jumps to it, as iptables-save has it. */
  readonly jump: string;
}

/** Pure: portmap's rules for Berth's pods in the text of iptables-save. */
export const portRulesIn = (saved: string): PortRule[] =>
  saved.split('\n').flatMap((line) => {
    const match = /^-A (CNI-HOSTPORT-DNAT .*name: \\"berth\\" id: \\"([\w-]+)\\".* -j (CNI-DN-\w+))$/.exec(line);
    return match ? [{ jump: match[1] ?? '', sandboxId: match[2] ?? '', chain: match[3] ?? '' }] : [];
  });

export const lostHostPorts: LostFinder = async (known) => {
  const rules = portRulesIn(await run('iptables-save', ['-t', 'nat']).catch(() => '')).filter(({ sandboxId }) => !known.has(sandboxId));
  return rules.map(({ sandboxId, chain, jump }) => ({
    key: `host ports ${chain} of ${sandboxId}`,
    end: async () => {
      await run('iptables-restore', ['--noflush', '-w'], `*nat\n-D ${jump}\n-F ${chain}\n-X ${chain}\nCOMMIT\n`);
    },
  }));
};
