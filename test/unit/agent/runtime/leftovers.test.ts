import test from 'ava';
import { Leftovers } from '../../../../agent/runtime/leftovers.ts';

/** What a finder finds, changed by the test; what was ended is found no more. */
const lab = (): { found: Set<string>; ended: string[]; looks: () => number; leftovers: Leftovers } => {
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
  ]);
  return { found, ended, looks: () => looks, leftovers };
};

test('what is lost is ended when two looks found it, and one that fails to end keeps no other', async (t) => {
  const { found, ended, leftovers } = lab();
  for (const key of ['failing', 'a']) found.add(key);
  await leftovers.look(new Set());
  t.deepEqual(ended, []);
  found.add('being made');
  await leftovers.look(new Set());
  t.deepEqual(ended, ['a']);
  await leftovers.look(new Set());
  t.deepEqual(ended, ['a', 'being made']);
});

test('what is lost only while the rest is cleaned up is found, too; then nothing is looked for until the next break', async (t) => {
  const { found, ended, looks, leftovers } = lab();
  for (let look = 0; look < 3; look += 1) await leftovers.look(new Set());
  found.add('late');
  for (let look = 0; look < 3; look += 1) await leftovers.look(new Set());
  t.deepEqual(ended, ['late']);
  const before = looks();
  found.add('later');
  await leftovers.look(new Set());
  t.is(looks(), before);
  leftovers.afterBreak();
  for (let look = 0; look < 2; look += 1) await leftovers.look(new Set());
  t.deepEqual(ended, ['late', 'later']);
});
