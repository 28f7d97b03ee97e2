import test from 'ava';
import { Leftovers } from '../../../../agent/runtime/leftovers.ts';

test('what is lost is ended when two looks found it, and one that fails to end keeps no other', async (t) => {
  let found: string[] = ['a', 'failing'];
  const ended: string[] = [];
  const leftovers = new Leftovers([
    () => Promise.resolve(found.map((key) => ({
      key,
      end: () => (key === 'failing' ? Promise.reject(new Error('busy')) : Promise.resolve(void ended.push(key))),
    }))),
  ]);
  await leftovers.look(new Set());
  t.deepEqual(ended, []);
  found = ['failing', 'a', 'being made'];
  await leftovers.look(new Set());
  t.deepEqual(ended, ['a']);
  await leftovers.look(new Set());
  t.deepEqual(ended, ['a'], 'without a break nothing is looked for');
  found = ['being made'];
  leftovers.afterBreak();
  await leftovers.look(new Set());
  t.deepEqual(ended, ['a', 'being made'], 'what a look before the break found lost still counts');
});
