import test from 'ava';
import { addressNumber, addressRange, addressText, networkRange, pickFree, portRange, reservedCount } from '../../../../controller/services/number-range.ts';
import { seededRandom } from '../../../../proto/process/random.ts';

test('ranges are read, and what is none is told', (t) => {
  t.deepEqual(networkRange('10.96.7.9/30'), { first: addressNumber('10.96.7.9'), last: addressNumber('10.96.7.10'), text: '10.96.7.9/30' });
  t.is(addressText(networkRange('10.96.0.0/16')?.last ?? 0), '10.96.255.254');
  for (const wrong of ['10.96.0.0', '10.96.0/16', '10.96.0.0/7', '10.96.0.0/31', '10.96.0.256/16', 'x/16']) t.is(networkRange(wrong), undefined, wrong);
  t.is(addressRange('192.0.2.9-192.0.2.8'), undefined);
  t.is(addressText(addressRange('192.0.2.8-192.0.2.9')?.last ?? 0), '192.0.2.9');
  t.deepEqual(portRange('30000-32767'), { first: 30_000, last: 32_767, text: '30000-32767' });
  for (const wrong of ['0-10', '10-9', '1-65536', '80', 'a-b']) t.is(portRange(wrong), undefined, wrong);
});

test('what is free is found to the last, the lowest numbers only when nothing else is left', (t) => {
  const range = { first: 10, last: 29, text: '' };
  const random = seededRandom(5);
  const taken = new Set<number>();
  for (let given = 0; given < 20; given += 1) {
    const number = pickFree(range, 5, (each) => taken.has(each), () => random.next());
    t.true(number !== undefined && number >= (given < 15 ? 15 : 10) && number <= 29);
    taken.add(number ?? 0);
  }
  t.is(taken.size, 20);
  t.is(pickFree(range, 5, (each) => taken.has(each), () => random.next()), undefined);
});

test('as many are left to those who ask as in Kubernetes', (t) => {
  const sized = (size: number) => ({ first: 1, last: size, text: '' });
  t.is(reservedCount(sized(65_534), 16, 256), 256);
  t.is(reservedCount(sized(254), 16, 256), 16);
  t.is(reservedCount(sized(14), 16, 256), 0);
  t.is(reservedCount(sized(2_768), 32, 128), 86);
});
