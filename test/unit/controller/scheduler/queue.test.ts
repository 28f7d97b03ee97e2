import test from 'ava';
import type { Help } from '../../../../controller/scheduler/filters.ts';
import { SchedulingQueue } from '../../../../controller/scheduler/queue.ts';
import { podObject } from '../../../fixtures/loop-objects.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const start = () => {
  const clock = new ManualClock();
  let calls = 0;
  const queue = new SchedulingQueue(clock, () => (calls += 1));
  const names = (): (string | undefined)[] => queue.take(10).map(({ metadata }) => metadata.name);
  return { clock, queue, names, calls: () => calls };
};

const waitsFor = (...help: Help[]): ReadonlySet<Help> => new Set(help);
const wellLaterMs = 60_000;

test('hands out pods by priority, then in the order of their arrival', (t) => {
  const { queue, names } = start();
  queue.add(podObject('a'));
  queue.add(podObject('b', { spec: { priority: 10 } }));
  queue.add(podObject('c'));
  t.deepEqual(names(), ['b', 'a', 'c']);
  t.deepEqual(names(), []);
});

test('a parked pod is tried again when what it waits for happens, and not for anything else', async (t) => {
  const { queue, names, clock } = start();
  queue.add(podObject('a'));
  queue.take(1);
  queue.park('uid-a', waitsFor('node'));
  await clock.advance(wellLaterMs);
  queue.help('pod');
  t.deepEqual(names(), []);
  queue.help('node');
  t.deepEqual(names(), ['a']);
});

test('help that comes right after an attempt waits for the backoff, which grows', async (t) => {
  const { queue, names, clock } = start();
  queue.add(podObject('a'));
  for (const backoffMs of [100, 200, 400]) {
    t.deepEqual(names(), ['a']);
    queue.park('uid-a', waitsFor('pod'));
    queue.help('pod');
    await clock.advance(backoffMs - 1);
    t.is(queue.activePods, 0);
    await clock.advance(1);
    t.is(queue.activePods, 1);
  }
});

test('a status that changes does not bring a parked pod back, a spec that changes does', (t) => {
  const { queue, names } = start();
  queue.add(podObject('a'));
  queue.take(1);
  queue.park('uid-a', waitsFor('node'));
  queue.add({ ...podObject('a'), status: { phase: 'Pending', message: 'refused' } });
  t.deepEqual(names(), []);
  queue.add(podObject('a', { spec: { tolerations: [{ operator: 'Exists' }] } }));
  t.deepEqual(names(), ['a']);
});

test('a removed pod does not come back', async (t) => {
  const { queue, names, clock } = start();
  for (const name of ['a', 'b', 'c']) queue.add(podObject(name));
  queue.take(2);
  queue.park('uid-a', waitsFor('node'));
  queue.retry('uid-b');
  for (const name of ['a', 'b', 'c']) queue.remove(`uid-${name}`);
  queue.help('node');
  queue.flush();
  await clock.advance(wellLaterMs);
  t.deepEqual(names(), []);
  t.is(queue.parkedPods, 0);
});

test('the flush tries everything again', async (t) => {
  const { queue, names, clock } = start();
  queue.add(podObject('a'));
  queue.take(1);
  queue.park('uid-a', waitsFor());
  await clock.advance(wellLaterMs);
  queue.flush();
  t.deepEqual(names(), ['a']);
});
