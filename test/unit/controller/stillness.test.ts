import test from 'ava';
import { standstillMsMin, stillnessCheckMs } from '../../../controller/limits.ts';
import { Stillness } from '../../../controller/stillness.ts';
import { ManualClock } from '../../fixtures/manual-clock.ts';

test('a process that stood still finds it before its timers run, once', async (t) => {
  const clock = new ManualClock();
  let stoodMs = 0;
  const stillness = new Stillness({
    nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs() + stoodMs, after: (...args) => clock.after(...args), every: (...args) => clock.every(...args), sleep: (...args) => clock.sleep(...args),
  });
  const told: number[] = [];
  const subscription = stillness.subscribe((stillMs) => told.push(stillMs));
  await clock.advance(10 * standstillMsMin);
  t.is(stillness.look(), 0, 'its ticks say that it runs');
  stoodMs = 30_000;
  t.is(stillness.look(), 1);
  t.is(stillness.look(), 1);
  t.deepEqual(told, [30_000]);
  stoodMs += 30_000;
  await clock.advance(stillnessCheckMs);
  t.deepEqual(told, [30_000, 30_000 + stillnessCheckMs], 'a tick finds it as well');
  subscription.close();
  stoodMs += 30_000;
  t.is(stillness.look(), 3);
  t.is(told.length, 2);
  stillness.close();
});
