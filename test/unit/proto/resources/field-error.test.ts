import test from 'ava';
import { duplicates, index, invalidValue, same, tooMany, unsupported } from '../../../../proto/resources/field-error.ts';

test('absent, null and empty are the same, and nothing else is', (t) => {
  const equal: [unknown, unknown][] = [[undefined, null], [{}, undefined], [[], {}], [{ a: undefined }, {}], [{ a: [1], b: null }, { a: [1] }], ['x', 'x']];
  const different: [unknown, unknown][] = [['x', { a: 1 }], [0, undefined], ['', null], [false, undefined], [[1], [1, 2]], [[1], { 0: 1 }], [{ a: 1 }, { a: 2 }], ['1', 1], ['x', ['x']], [{ 0: 'x' }, 'x']];
  for (const [a, b] of equal) t.true(same(a, b) && same(b, a), JSON.stringify([a, b]));
  for (const [a, b] of different) t.false(same(a, b) || same(b, a), JSON.stringify([a, b]));
});

test('messages have the words of Kubernetes', (t) => {
  t.is(unsupported('a', 'x', ['c', 'b']).message, 'Unsupported value: "x": supported values: "b", "c"');
  t.is(invalidValue('a', -1, 'must be more').message, 'Invalid value: -1: must be more');
  t.is(tooMany('a', 5, 3).message, 'Too many: 5: must have at most 3 items');
  t.deepEqual(duplicates(['x', undefined, 'x'], (at) => index('list', at)), [{ reason: 'FieldValueDuplicate', field: 'list[2]', message: 'Duplicate value: "x"' }]);
});

test('a large value does not make a large message', (t) => {
  t.true(invalidValue('a', 'x'.repeat(100_000), 'no').message.length < 1000);
});
