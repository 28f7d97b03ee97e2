import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { defaultSettings, hostPrefix, ownedPaths, paths, readSettings, SettingsBroken, trueDataDir, writeSettings } from '../../../../cli/local/settings.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'berth-settings-')));
test.after.always(() => rmSync(folder, { recursive: true }));

test('settings are read as they were written', (t) => {
  const settings = { ...defaultSettings(join(folder, 'one')), name: 'other' };
  t.is(readSettings(settings.dataDir), undefined);
  writeSettings(settings);
  t.deepEqual(readSettings(settings.dataDir), settings);
});

test('a broken settings file is told with what to do', (t) => {
  const dataDir = join(folder, 'broken');
  mkdirSync(dataDir);
  writeFileSync(paths(dataDir).settings, '{');
  t.throws(() => readSettings(dataDir), { instanceOf: SettingsBroken, message: /berth down/ });
});

test('the file that tells of a cluster is the last to go', (t) => {
  t.is(ownedPaths('/x').at(-1), '/x/cluster.json');
  t.true(ownedPaths('/x').every((path) => path.startsWith('/x/')));
});

test('links to the data directory are followed, also where it does not exist yet', (t) => {
  mkdirSync(join(folder, 'real'));
  symlinkSync(join(folder, 'real'), join(folder, 'link'));
  t.is(trueDataDir(join(folder, 'link')), join(folder, 'real'));
  t.is(trueDataDir(join(folder, 'link', 'new', 'deep')), join(folder, 'real', 'new', 'deep'));
  t.is(trueDataDir(`${join(folder, 'real')}/`), join(folder, 'real'));
});

test('each data directory has a prefix of its own that fits an interface name', (t) => {
  const [one, two] = [hostPrefix(defaultSettings('/a')), hostPrefix(defaultSettings('/b'))];
  t.not(one, two);
  t.true(`${one}n99`.length <= 15);
  t.is(hostPrefix(defaultSettings('/var/lib/berth')), 'berth');
});
