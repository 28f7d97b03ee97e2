import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Cgroups } from '../../../../agent/runtime/cgroups.ts';

test('pods are known by their cgroups, of whatever class, in any hierarchy; removing one leaves the others', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'berth-cgroups-'));
  t.teardown(() => rm(root, { recursive: true }));
  const [cpu, pids] = [join(root, 'cpu'), join(root, 'pids')];
  const parent = '/berth-test-of-cgroups';
  for (const path of [`${cpu}${parent}/podone`, `${cpu}${parent}/burstable/podtwo`, `${pids}${parent}/besteffort/podthree/container`, `${pids}${parent}/other`]) await mkdir(path, { recursive: true });
  const cgroups = new Cgroups(parent, { v1: new Map([['cpu', cpu], ['pids', pids]]), v2: undefined });
  t.deepEqual((await cgroups.pods()).toSorted(), ['one', 'three', 'two']);
  await cgroups.remove('three');
  t.deepEqual((await cgroups.pods()).toSorted(), ['one', 'two']);
  t.deepEqual(await readdir(`${pids}${parent}`), ['besteffort', 'other']);
  t.deepEqual(await new Cgroups('/berth-none', { v1: new Map(), v2: undefined }).pods(), []);
});
