import test from 'ava';
import { SharedCall } from '../../../../controller/store/shared-call.ts';

test('who asks during a call shares the one after it, never the one under way', async (t) => {
  const answers: ((value: number) => void)[] = [];
  const shared = new SharedCall(() => new Promise<number>((resolve) => void answers.push(resolve)));
  const first = shared.run();
  const later = [shared.run(), shared.run(), shared.run()];
  t.is(answers.length, 1);
  answers[0]?.(1);
  t.is(await first, 1);
  answers[1]?.(2);
  t.deepEqual(await Promise.all(later), [2, 2, 2]);
  t.is(answers.length, 2);
});

test('a call that fails does not fail those who asked after it', async (t) => {
  let calls = 0;
  const shared = new SharedCall(async () => {
    calls += 1;
    if (calls === 1) throw new Error('away');
    return calls;
  });
  const first = shared.run();
  const second = shared.run();
  await t.throwsAsync(first);
  t.is(await second, 2);
});
