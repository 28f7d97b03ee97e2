import test from 'ava';
import { forEachBounded, slowStart } from '../../../../controller/workloads/batches.ts';
import { settle } from '../../../fixtures/manual-clock.ts';

test('creations grow by batches of 1, 2, 4 and so on', async (t) => {
  let running = 0;
  const batches: number[] = [];
  const outcome = await slowStart(10, async () => {
    running += 1;
    await settle();
    if (running > 0) batches.push(running);
    running = 0;
  });
  t.deepEqual(batches, [1, 2, 4, 3]);
  t.deepEqual(outcome, { succeeded: 10, failure: undefined });
});

test('what cannot succeed is tried once, not as often as it is wanted', async (t) => {
  const failure = new Error('quota');
  let calls = 0;
  const outcome = await slowStart(500, async () => {
    calls += 1;
    throw failure;
  });
  t.is(calls, 1);
  t.deepEqual(outcome, { succeeded: 0, failure });
});

test('many writes run side by side, but not more than allowed, and the first failure ends the rest', async (t) => {
  let running = 0;
  let most = 0;
  let done = 0;
  const task = async (n: number): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await settle();
    running -= 1;
    done += 1;
    if (n === 8) throw new Error('eight');
  };
  await forEachBounded([1, 2, 3, 4, 5], 2, task);
  t.is(most, 2);
  t.is(done, 5);
  await t.throwsAsync(forEachBounded([8, 1, 2, 3, 4], 1, task), { message: 'eight' });
  t.is(done, 6);
});
