import test from 'ava';
import { storedAt } from '../../../../controller/store/codec.ts';
import { History } from '../../../../controller/store/history.ts';
import type { Change } from '../../../../controller/store/stored.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { configMap } from '../../../fixtures/config-map.ts';

const change = (revision: number): Change => ({
  type: 'ADDED',
  stored: storedAt(configMapKind, `default/m${revision}`, configMap(`m${revision}`), revision),
  previous: undefined,
});
const revisions = (changes: readonly Change[] | undefined) => changes?.map(({ stored }) => stored.revision);

test('a history gives what came after a revision, and says when it no longer knows', (t) => {
  const history = new History(8, 10);
  for (let revision = 11; revision <= 18; revision += 1) history.add(change(revision));
  t.deepEqual(revisions(history.since(10)), [11, 12, 13, 14, 15, 16, 17, 18]);
  t.is(history.since(9), undefined);
  for (let revision = 19; revision <= 60; revision += 1) {
    history.add(change(revision));
    t.is(revisions(history.since(revision - 8))?.length, 8);
    t.is(history.since(revision - 9), undefined);
  }
  t.deepEqual(revisions(history.since(58)), [59, 60]);
  t.deepEqual(revisions(history.since(60)), []);
  t.deepEqual(revisions(history.since(100)), []);
});

test('after a gap nobody resumes across it', (t) => {
  const history = new History(8, 0);
  history.add(change(5));
  history.reset(20);
  t.is(history.since(5), undefined);
  history.add(change(21));
  t.deepEqual(revisions(history.since(20)), [21]);
});
