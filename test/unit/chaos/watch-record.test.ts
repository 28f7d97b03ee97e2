import test from 'ava';
import { WatchRecord } from '../../chaos/watch-record.ts';

const recordAt = (revision: number): WatchRecord => {
  const record = new WatchRecord();
  record.begin([{ key: 'a', uid: 'u1', revision: 5 }], revision);
  return record;
};

test('changes in order pass, and what follows from them is what is listed', (t) => {
  const record = recordAt(10);
  t.is(record.take({ type: 'MODIFIED', key: 'a', uid: 'u1', revision: 11 }), undefined);
  t.is(record.take({ type: 'ADDED', key: 'b', uid: 'u2', revision: 12 }), undefined);
  t.is(record.take({ type: 'DELETED', key: 'a', uid: 'u1', revision: 13 }), undefined);
  t.is(record.take({ type: 'ADDED', key: 'a', uid: 'u3', revision: 14 }), undefined);
  t.is(record.difference([{ key: 'a', uid: 'u3', revision: 14 }, { key: 'b', uid: 'u2', revision: 12 }]), undefined);
  t.regex(record.difference([{ key: 'a', uid: 'u3', revision: 15 }, { key: 'b', uid: 'u2', revision: 12 }]) ?? '', /a is at 15, shown was 14/);
  t.regex(record.difference([{ key: 'a', uid: 'u3', revision: 14 }]) ?? '', /b is gone/);
});

test('a change that comes twice, late, or to what is not there is told', (t) => {
  const record = recordAt(10);
  t.is(record.take({ type: 'MODIFIED', key: 'a', uid: 'u1', revision: 11 }), undefined);
  t.regex(record.take({ type: 'MODIFIED', key: 'a', uid: 'u1', revision: 11 }) ?? '', /came after one at 11/);
  t.regex(record.take({ type: 'MODIFIED', key: 'b', uid: 'u2', revision: 12 }) ?? '', /not there/);
  t.regex(record.take({ type: 'ADDED', key: 'a', uid: 'u1', revision: 13 }) ?? '', /there at 11/);
  t.regex(record.take({ type: 'MODIFIED', key: 'a', uid: 'u9', revision: 14 }) ?? '', /is of u9/);
});

test('an acknowledged write that later ones have overtaken unseen is lacking', (t) => {
  const record = recordAt(10);
  t.false(record.lacks('a', 9), 'before the list');
  t.false(record.lacks('a', 11), 'not reached yet');
  t.is(record.take({ type: 'MODIFIED', key: 'a', uid: 'u1', revision: 12 }), undefined);
  t.true(record.lacks('a', 11));
  t.false(record.lacks('a', 12));
});
