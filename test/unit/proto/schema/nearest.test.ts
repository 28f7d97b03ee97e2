import test from 'ava';
import { editDistance, nearestName } from '../../../../proto/schema/nearest.ts';

test('edits are counted, and two swapped letters are one', (t) => {
  t.is(editDistance('', 'abc'), 3);
  t.is(editDistance('kitten', 'sitting'), 3);
  t.is(editDistance('imaeg', 'image'), 1);
  t.is(editDistance('same', 'same'), 0);
});

test('the nearest name is suggested, whatever its case', (t) => {
  const names = ['replicas', 'revisionHistoryLimit', 'selector', 'strategy'];
  t.is(nearestName('replicaz', names), 'replicas');
  t.is(nearestName('Replicas', names), 'replicas');
  t.is(nearestName('startegy', names), 'strategy');
});

test('nothing is suggested for what is far from everything, or absurdly long', (t) => {
  t.is(nearestName('xyz', ['replicas', 'selector']), undefined);
  t.is(nearestName('a'.repeat(1_000_000), ['a'.repeat(1_000_000)]), undefined);
});
