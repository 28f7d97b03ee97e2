import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { killLost } from '../../../../agent/runtime/lost-processes.ts';

/** A shell under this name, and the pid of the process below it. */
const family = async (program: string): Promise<{ parent: ChildProcess; child: number }> => {
  const parent = spawn(program, ['-c', 'sleep 60 & echo $!; wait; read -r _'], { stdio: ['pipe', 'pipe', 'ignore'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return { parent, child: Number(String(line)) };
};

test('a lost process is killed together with the shim above it, and no other parent', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-lost-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await symlink('/bin/bash', join(dir, 'containerd-shim-runc-v2'));
  const [shim, other] = [await family(join(dir, 'containerd-shim-runc-v2')), await family('/bin/bash')];
  const ended = once(shim.parent, 'exit');
  await killLost([shim.child, other.child]);
  t.deepEqual(await ended, [null, 'SIGKILL']);
  t.is(other.parent.exitCode, null);
  t.is(other.parent.signalCode, null);
  other.parent.kill('SIGKILL');
  await t.notThrowsAsync(killLost([shim.child]));
});
