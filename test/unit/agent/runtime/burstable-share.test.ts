import { mkdir, mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BurstableShare, type ShareFile } from '../../../../agent/runtime/burstable-share.ts';
import { cpuShares, cpuWeight, milliOfShares, milliOfWeight } from '../../../../agent/runtime/resources.ts';

const makeGroup = async (t: ExecutionContext, name: ShareFile['name'] = 'cpu.shares') => {
  const group = await mkdtemp(join(tmpdir(), 'berth-burstable-'));
  t.teardown(() => rm(group, { recursive: true }));
  const share = new BurstableShare({ group, name });
  await share.adopt();
  return { group, share, value: () => readFile(join(group, name), 'utf8') };
};

test('the group has what its pods ask for together, the least share when that is nothing', async (t) => {
  const { share, value } = await makeGroup(t);
  await share.hold('a', 0);
  t.is(await value(), '2');
  await Promise.all([share.hold('b', 500), share.hold('c', 1000), share.hold('d', 250)]);
  t.is(await value(), String(cpuShares(1750)));
  await share.hold('c', 2000);
  t.is(await value(), String(cpuShares(2750)));
  await Promise.all([share.release('b'), share.release('c'), share.release('nobody')]);
  t.is(await value(), '256');
});

test('a pod that still has containers keeps its share', async (t) => {
  const { group, share, value } = await makeGroup(t);
  await mkdir(join(group, 'poda', 'sandbox'), { recursive: true });
  await share.hold('a', 1000);
  await share.release('a');
  t.is(await value(), '1024');
  await rmdir(join(group, 'poda', 'sandbox'));
  await share.release('a');
  t.is(await value(), '2');
});

test('an agent that is started again counts what runs, and not what ended', async (t) => {
  for (const name of ['cpu.shares', 'cpu.weight'] as const) {
    const { group, value } = await makeGroup(t, name);
    const text = (milli: number): string => String(name === 'cpu.shares' ? cpuShares(milli) : cpuWeight(cpuShares(milli)));
    for (const [uid, milli, runs] of [['a', 300, true], ['b', 700, true], ['ended', 4000, false]] as const) {
      await mkdir(join(group, `pod${uid}`, ...(runs ? ['sandbox'] : [])), { recursive: true });
      await writeFile(join(group, `pod${uid}`, name), text(milli));
    }
    const share = new BurstableShare({ group, name });
    await share.adopt();
    await share.hold('c', 1000);
    const sum = Number(await value());
    // A weight is coarser than a request: each pod's may be off by half a step.
    t.true(name === 'cpu.shares' ? sum === cpuShares(2000) : Math.abs(sum - cpuWeight(cpuShares(2000))) <= 1, `${name} ${sum}`);
  }
});

test('a write that the kernel refuses is told, and the next has the whole sum', async (t) => {
  const { group, share, value } = await makeGroup(t);
  await mkdir(join(group, 'cpu.shares'));
  await t.throwsAsync(share.hold('a', 1000));
  await rmdir(join(group, 'cpu.shares'));
  await share.hold('b', 1000);
  t.is(await value(), '2048');
});

test('shares tell the request, weights about', (t) => {
  for (const milli of [3, 100, 250, 999, 64_000]) t.is(milliOfShares(cpuShares(milli)), milli);
  for (const milli of [100, 250, 4000]) t.true(Math.abs(milliOfWeight(cpuWeight(cpuShares(milli))) - milli) <= 14, `${milli}`);
  t.deepEqual([milliOfShares(cpuShares(0)), milliOfWeight(cpuWeight(cpuShares(0)))], [0, 0]);
});
