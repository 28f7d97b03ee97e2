import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Leftovers } from '../../../../agent/runtime/leftovers.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { lostShims, parseStat } from '../../../../agent/runtime/lost-shims.ts';

test('the name in a process’s stat may hold spaces and parentheses', (t) => {
  const rest = Array.from({ length: 19 }, (_, index) => String(index + 100)).join(' ');
  t.deepEqual(parseStat(`42 (a (b) c) S 7 ${rest}`), { pid: 42, name: 'a (b) c', parent: 7, startedTicks: '117' });
  t.is(parseStat(''), undefined);
});

test('a shim is ended when two looks found it serving nothing; others are left', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-shims-'));
  const program = join(dir, 'containerd-shim-runc-v2');
  await copyFile('/bin/bash', program);
  const started: ChildProcess[] = [];
  t.teardown(async () => {
    for (const child of started) {
      child.kill('SIGKILL');
      // What it has started holds the other end, and would keep this process from ending.
      child.stdout?.destroy();
    }
    await rm(dir, { recursive: true });
  });
  const shim = async (id: string, socket: string, script = 'echo up; read -r _'): Promise<ChildProcess> => {
    const child = spawn(program, ['-c', script, 'shim', '-id', id, '-address', socket], { stdio: ['pipe', 'pipe', 'ignore'] });
    started.push(child);
    await once(child.stdout, 'data');
    return child;
  };
  const socket = join(dir, 'containerd.sock');
  const lost = await shim('lost', socket);
  const others = [await shim('known', socket), await shim('foreign', join(dir, 'other.sock')), await shim('serving', socket, 'sleep 60 & echo up; read -r _')];
  const clock = new ManualClock();
  const shims = new Leftovers([lostShims(socket)], clock);
  /** A relist later. */
  const look = async (): Promise<readonly string[]> => {
    await clock.advance(30_000);
    return shims.look(new Set(['known']));
  };
  t.deepEqual(await look(), []);
  const ended = once(lost, 'exit');
  const pidsOf = (keys: readonly string[]): number[] => keys.map((key) => Number(key.split(' ')[1]));
  t.deepEqual(pidsOf(await look()), [lost.pid ?? 0]);
  t.deepEqual(await ended, [null, 'SIGKILL']);
  t.true(others.every((child) => child.exitCode === null && child.signalCode === null));
  // The rest of the looks after the start.
  for (let time = 0; time < 2; time += 1) t.deepEqual(await look(), []);
  const later = await shim('later', socket);
  t.deepEqual([await look(), await look()], [[], []], 'nothing is looked for without a break');
  shims.afterBreak();
  t.deepEqual([pidsOf(await look()), pidsOf(await look())], [[], [later.pid ?? 0]]);
});
