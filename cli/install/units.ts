/** Putting the units of deploy/systemd/ in place, and starting them. */
import { mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '../local/command.ts';
import { type Layout, systemFolders } from './layout.ts';

const clone = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

export type UnitName = 'berth-etcd' | 'berth-controller' | 'berth-containerd' | 'berth-agent';

/** The unit as it is for this root. */
export const unitText = (text: string, root: string): string =>
  root === '/' ? text : systemFolders.reduce((all, folder) => all.replaceAll(folder, join(root, folder)), text);

const linkOf = (path: string): string | undefined => {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
};

/** Writes them anew, so that installing again after an update brings them up to date. */
export const writeUnits = ({ root, units, program }: Layout, names: readonly UnitName[]): void => {
  for (const dir of [units, dirname(program)]) mkdirSync(dir, { recursive: true });
  if (linkOf(program) !== clone) {
    rmSync(program, { force: true });
    symlinkSync(clone, program);
  }
  for (const name of names) writeFileSync(join(units, `${name}.service`), unitText(readFileSync(join(clone, 'deploy/systemd', `${name}.service`), 'utf8'), root));
};

/** Starts them now and with the machine. Throws CommandFailed. */
export const startUnits = async (names: readonly UnitName[]): Promise<void> => {
  await command('systemctl', ['daemon-reload']);
  await command('systemctl', ['enable', '--now', ...names]);
};
