import test from 'ava';
import { Leftovers } from '../../../../agent/runtime/leftovers.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

/** What a finder finds, changed by the test; what was ended is found no more. */
const lab = () => {
  const clock = new ManualClock();
  const found = new Set<string>();
  const ended: string[] = [];
  let looks = 0;
  const leftovers = new Leftovers([
    () => {
      looks += 1;
      return Promise.resolve([...found].map((key) => ({
        key,
        end: async () => {
          if (key === 'failing') throw new Error('busy');
          found.delete(key);
          ended.push(key);
        },
      })));
    },
  ], clock);
  /** A relist later. */
  const look = async (): Promise<void> => {
    await clock.advance(30_000);
    await leftovers.look(new Set());
  };
  return { clock, found, ended, looks: () => looks, look, leftovers };
};

test('what is lost is ended when two looks found it, and one that fails to end keeps no other', async (t) => {
  const { found, ended, look } = lab();
  for (const key of ['failing', 'a']) found.add(key);
  await look();
  t.deepEqual(ended, []);
  found.add('being made');
  await look();
  t.deepEqual(ended, ['a']);
  await look();
  t.deepEqual(ended, ['a', 'being made']);
});

test('what is lost only while the rest is cleaned up is found, too; then nothing is looked for until the next break', async (t) => {
  const { found, ended, looks, look, leftovers } = lab();
  for (let time = 0; time < 3; time += 1) await look();
  found.add('late');
  for (let time = 0; time < 3; time += 1) await look();
  t.deepEqual(ended, ['late']);
  const before = looks();
  found.add('later');
  await look();
  t.is(looks(), before);
  leftovers.afterBreak();
  for (let time = 0; time < 2; time += 1) await look();
  t.deepEqual(ended, ['late', 'later']);
});

test('two looks that follow each other closely, as when a session begins beside a relist, are one', async (t) => {
  const { clock, found, ended, looks, look, leftovers } = lab();
  found.add('being made');
  await look();
  for (let time = 0; time < 5; time += 1) {
    await clock.advance(1_000);
    await leftovers.look(new Set());
  }
  t.is(looks(), 1);
  t.deepEqual(ended, []);
  await look();
  t.deepEqual(ended, ['being made']);
});

test('while something is made nothing is looked for, however long it takes', async (t) => {
  const { found, ended, look, leftovers } = lab();
  found.add('seen as it was begun');
  await look();
  const made = Promise.withResolvers<void>();
  const making = leftovers.during(() => made.promise);
  for (let time = 0; time < 6; time += 1) await look();
  t.deepEqual(ended, []);
  made.reject(new Error('failed'));
  await t.throwsAsync(making);
  await look();
  t.deepEqual(ended, ['seen as it was begun']);
});
