import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { hostEnvironment } from '../../../../cli/local/command.ts';
import { checkDataDir, checkDisk, checkPorts, onPath, PreflightFailed } from '../../../../cli/local/preflight.ts';
import { defaultPorts, defaultSettings, dataDirCharactersMax, paths } from '../../../../cli/local/settings.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-preflight-'));
test.after.always(() => rmSync(folder, { recursive: true }));

test('a taken port is named with the flag that chooses another', async (t) => {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
  const ports = { ...defaultPorts, registry: port };
  const error = await t.throwsAsync(checkPorts(ports, ['registry']), { instanceOf: PreflightFailed });
  t.true(error.message.includes(`port ${port} (registry) is taken`));
  t.true(error.message.includes('--registry-port'));
  t.is(error.message.split('\n').length, 1);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  await t.notThrowsAsync(checkPorts(ports, ['registry']));
});

test('ports of what runs already are not asked for', async (t) => {
  await t.notThrowsAsync(checkPorts(defaultPorts, []));
});

test('a folder with somebody else’s files under a cluster’s names is refused, one with other files is taken', (t) => {
  mkdirSync(join(folder, 'photos'));
  t.notThrows(() => checkDataDir(folder));
  mkdirSync(paths(folder).config);
  t.throws(() => checkDataDir(folder), { instanceOf: PreflightFailed, message: /config is there already.*--data-dir/ });
  writeFileSync(paths(folder).settings, '{}');
  t.notThrows(() => checkDataDir(folder));
});

test('a data directory too deep for sockets below it is refused', (t) => {
  const deep = join(folder, 'd'.repeat(dataDirCharactersMax));
  t.throws(() => checkDisk(defaultSettings(deep)), { instanceOf: PreflightFailed, message: /--data-dir .* is longer than 64 characters/ });
});

test('too little room is told with what is needed, and nothing is made there', (t) => {
  const dataDir = join(folder, 'new', 'data');
  t.throws(() => checkDisk(defaultSettings(dataDir), 1e18), { instanceOf: PreflightFailed, message: /data has [\d.]+ GB free and a cluster needs 1000000000 GB; free some or choose another place with --data-dir$/ });
  t.notThrows(() => checkDisk(defaultSettings(dataDir), 1));
  t.false(existsSync(join(folder, 'new')));
});

test('the host’s own programs come before those of npm packages, and root’s folders are searched', (t) => {
  t.is(hostEnvironment({ PATH: '/clone/node_modules/.bin:/usr/bin' }).PATH, '/usr/bin:/usr/local/sbin:/usr/sbin:/sbin:/bin');
  t.true(onPath('sh'));
  t.false(onPath('no-such-program-anywhere'));
});
