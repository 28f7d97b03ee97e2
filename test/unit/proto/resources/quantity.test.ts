import test from 'ava';
import {
  canonicalQuantity, compareQuantities, formatBytes, formatMilli, isQuantity, isWholeQuantity, milliValue, parseQuantity, wholeValue,
} from '../../../../proto/resources/quantity.ts';

test('every suffix has its value', (t) => {
  const values: [string | number, number][] = [
    ['1n', 1e-9], ['1u', 1e-6], ['1m', 1e-3], ['1', 1], ['1k', 1e3], ['1M', 1e6], ['1G', 1e9], ['1T', 1e12], ['1P', 1e15], ['1E', 1e18],
    ['1Ki', 2 ** 10], ['1Mi', 2 ** 20], ['1Gi', 2 ** 30], ['1Ti', 2 ** 40], ['1Pi', 2 ** 50], ['1Ei', 2 ** 60],
    ['1e3', 1e3], ['1E3', 1e3], ['12e-1', 1.2], ['1e+2', 100], ['.5', 0.5], ['5.', 5], ['-2', -2], ['+2', 2], [0.25, 0.25], ['1.5Gi', 1.5 * 2 ** 30],
  ];
  for (const [quantity, value] of values) t.is(parseQuantity(quantity), value, String(quantity));
});

test('what is no quantity is refused', (t) => {
  for (const text of ['', ' ', 'x', '1 Gi', '1KI', '1ki', '--1', '1.2.3', '1e', 'e3', '1m5', 'NaN', 'Infinity', '1'.repeat(65)]) {
    t.false(isQuantity(text), text);
    t.throws(() => parseQuantity(text), { instanceOf: RangeError });
  }
  t.false(isQuantity(undefined));
  t.false(isQuantity(Number.NaN));
});

test('thousandths and units are rounded up, and exact where doubles are not', (t) => {
  t.is(milliValue('0.1'), 100);
  t.is(milliValue('0.29'), 290);
  t.is(milliValue('1u'), 1);
  t.is(milliValue('1.0001'), 1001);
  t.is(wholeValue('100m'), 1);
  t.is(wholeValue('1.1Ki'), 1127);
  t.is(wholeValue('-1500m'), -1);
  t.true(isWholeQuantity('2000m'));
  t.false(isWholeQuantity('1500m'));
});

test('comparison is exact beyond the precision of doubles', (t) => {
  t.is(compareQuantities('9007199254740993', '9007199254740992'), 1);
  t.is(compareQuantities('0.1', '100m'), 0);
  t.is(compareQuantities('1G', '1Gi'), -1);
  t.is(compareQuantities('1e99999999', '1E'), 1);
});

test('the stored form has no fraction and the largest suffix', (t) => {
  const forms: [string | number, string][] = [
    ['0.5', '500m'], ['1000m', '1'], ['1500m', '1500m'], ['1.5Gi', '1536Mi'], ['1024Ki', '1Mi'], ['0.5Ki', '512'], ['1024', '1024'],
    ['1000', '1k'], ['100000', '100k'], ['1e3', '1e3'], ['0', '0'], ['0Gi', '0'], ['0.1n', '1n'], [2, '2'], ['-1.5', '-1500m'], ['64Mi', '64Mi'], ['nonsense', 'nonsense'],
  ];
  for (const [given, stored] of forms) t.is(canonicalQuantity(given), stored, String(given));
});

test('numbers become quantities', (t) => {
  t.is(formatMilli(1500), '1500m');
  t.is(formatMilli(4000), '4');
  t.is(formatMilli(0), '0');
  t.is(formatBytes(3 * 2 ** 30), '3Gi');
  t.is(formatBytes(1000), '1000');
  t.is(formatBytes(0), '0');
});
