import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { clusterProcesses, ended, kill, start, stop, supervised } from '../../../../cli/local/processes.ts';
import { systemClock } from '../../../../proto/process/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'berth-processes-'));
const foldersOf = (name: string): { run: string; logs: string } => {
  const folders = { run: join(folder, name, 'run'), logs: join(folder, name, 'log') };
  for (const dir of Object.values(folders)) mkdirSync(dir, { recursive: true });
  return folders;
};
type Folders = ReturnType<typeof foldersOf>;
const graceMs = 3_000;

test.after.always(() => rmSync(folder, { recursive: true, force: true }));

const program = (folders: Folders): number | undefined => {
  try {
    return Number(readFileSync(join(folders.run, 'one.pid'), 'utf8')) || undefined;
  } catch {
    return undefined;
  }
};

const until = async <T>(look: () => T | undefined): Promise<T> => {
  for (let tries = 0; tries < 400; tries += 1) {
    const found = look();
    if (found !== undefined) return found;
    await systemClock.sleep(20);
  }
  throw new Error('not seen within 8 s');
};

const spec = { name: 'one', program: 'sleep', args: ['1000'] };

test('a killed program comes back, and stop leaves nothing of it', async (t) => {
  const folders = foldersOf('comes-back');
  t.true(start(folders, spec));
  const first = await until(() => program(folders));
  t.false(start(folders, spec), 'it runs already');
  process.kill(first, 'SIGKILL');
  const second = await until(() => (program(folders) === first ? undefined : program(folders)));
  t.not(second, first);
  t.regex(readFileSync(join(folders.logs, 'one.log'), 'utf8'), /supervise: one ended with code 137, starting it again in 0 s/);
  await stop(folders, 'one', graceMs, systemClock);
  t.deepEqual(clusterProcesses(folders), []);
});

test('a program without its supervisor is found, without pid files too, and can be stopped', async (t) => {
  const folders = foldersOf('orphan');
  start(folders, spec);
  await until(() => program(folders));
  await kill(clusterProcesses(folders).filter((found) => found.isSupervisor).map((found) => found.pid), systemClock);
  rmSync(folders.run, { recursive: true });
  t.deepEqual(supervised(folders), []);
  t.true(clusterProcesses(folders).some((found) => found.name === 'one' && !found.isSupervisor));
  await stop(folders, 'one', graceMs, systemClock);
  t.deepEqual(clusterProcesses(folders), []);
});

test('a pid file that names a stranger leads nobody to him', async (t) => {
  const folders = foldersOf('stranger');
  const stranger = spawn('sleep', ['1000'], { stdio: 'ignore' });
  for (const suffix of ['pid', 'supervisor']) writeFileSync(join(folders.run, `one.${suffix}`), `${stranger.pid}\n`);
  t.deepEqual(supervised(folders), []);
  await stop(folders, 'one', graceMs, systemClock);
  t.is(stranger.exitCode, null);
  t.false(stranger.killed);
  t.notThrows(() => process.kill(stranger.pid ?? 0, 0));
  stranger.kill('SIGKILL');
});

test('a program that refuses to end is killed after the grace', async (t) => {
  const folders = foldersOf('stubborn');
  start(folders, { name: 'one', program: 'sh', args: ['-c', 'trap "" TERM; echo ready; while :; do sleep 0.1; done'] });
  await until(() => (readFileSync(join(folders.logs, 'one.log'), 'utf8').includes('ready') ? true : undefined));
  await stop(folders, 'one', 300, systemClock);
  t.deepEqual(clusterProcesses(folders), []);
});

test('a log that has grown too long is put aside while its program runs', async (t) => {
  const folders = foldersOf('long-log');
  const log = join(folders.logs, 'one.log');
  writeFileSync(log, Buffer.alloc(20_000_001, 'x'));
  start(folders, spec);
  await until(() => (statSync(log).size < 1_000 ? true : undefined));
  t.is(statSync(`${log}.1`).size, 20_000_001);
  const pid = await until(() => program(folders));
  t.notThrows(() => process.kill(pid, 0));
  await stop(folders, 'one', graceMs, systemClock);
});

test('a socket that is passed on stays open while its program restarts: who calls meanwhile waits', async (t) => {
  const folders = foldersOf('socket');
  const listener = createServer();
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const { port } = listener.address() as AddressInfo;
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
  start(folders, { name: 'one', program: process.execPath, args: ['-e', 'require("net").createServer((socket) => socket.end(String(process.pid))).listen({ fd: 3 })'] }, [fd]);
  listener.close();
  const call = async (): Promise<number> => {
    let said = '';
    for await (const chunk of connect(port, '127.0.0.1')) said += String(chunk);
    return Number(said);
  };
  const first = await call();
  process.kill(first, 'SIGKILL');
  t.deepEqual(await ended([first], graceMs, systemClock), []);
  const second = await call();
  t.true(second > 0 && second !== first);
  await stop(folders, 'one', graceMs, systemClock);
  await t.throwsAsync(call(), { code: 'ECONNREFUSED' });
});
