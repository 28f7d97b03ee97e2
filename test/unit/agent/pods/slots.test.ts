import test from 'ava';
import { Slots } from '../../../../agent/pods/slots.ts';
import { settle } from '../../../fixtures/manual-clock.ts';

const { signal } = new AbortController();

test('no more than so many run at the same time, and the others follow in order', async (t) => {
  const slots = new Slots(2);
  const finish: (() => void)[] = [];
  const begun: number[] = [];
  const all = [0, 1, 2, 3].map((index) =>
    slots.use(() => {
      begun.push(index);
      return new Promise<void>((resolve) => void finish.push(resolve));
    }, signal),
  );
  await settle();
  t.deepEqual(begun, [0, 1]);
  finish[1]?.();
  await settle();
  t.deepEqual(begun, [0, 1, 2]);
  finish[0]?.();
  await settle();
  for (const end of finish) end();
  await Promise.all(all);
  t.deepEqual(begun, [0, 1, 2, 3]);
});

test('whoever gives up while waiting takes no slot', async (t) => {
  const slots = new Slots(1);
  let end: () => void = () => undefined;
  const first = slots.use(() => new Promise<void>((resolve) => void (end = resolve)), signal);
  const impatient = new AbortController();
  const second = slots.use(async () => t.fail(), impatient.signal);
  impatient.abort(new Error('enough'));
  await t.throwsAsync(second, { message: 'enough' });
  end();
  await first;
  t.is(await slots.use(async () => 'free', signal), 'free');
});

test('work that fails gives its slot back', async (t) => {
  const slots = new Slots(1);
  await t.throwsAsync(slots.use(() => Promise.reject(new Error('no')), signal));
  t.is(await slots.use(async () => 'free', signal), 'free');
});
