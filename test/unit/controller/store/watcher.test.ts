import test from 'ava';
import { storedAt } from '../../../../controller/store/codec.ts';
import { Fanout } from '../../../../controller/store/fanout.ts';
import type { Change } from '../../../../controller/store/stored.ts';
import { Watcher } from '../../../../controller/store/watcher.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { configMapKind, secretKind } from '../../../../proto/kinds.ts';
import { configMap } from '../../../fixtures/config-map.ts';

const change = (revision: number, namespace = 'default', kind = configMapKind): Change => ({
  type: 'ADDED',
  stored: storedAt(kind, `${namespace}/m${revision}`, configMap(`m${revision}`, {}, namespace), revision),
  previous: undefined,
});
const setUp = (namespace?: string, eventsMax = 100) => {
  const fanout = new Fanout();
  const cache = { revision: 10 };
  const watcher = new Watcher({
    namespace, revision: 10, eventsMax,
    seen: () => cache.revision,
    onClose: (closed) => fanout.removeWatcher(configMapKind, closed),
  });
  fanout.addWatcher(configMapKind, watcher);
  const publish = (...changes: Change[]): void => {
    cache.revision = changes.at(-1)?.stored.revision ?? 0;
    fanout.toWatchers(changes);
  };
  return { fanout, watcher, publish };
};
const revisions = (result: IteratorResult<readonly Change[]>) => (result.done ? 'done' : result.value.map(({ stored }) => stored.revision));

test('a watcher gets the changes of its kind and namespace after its revision, each once', async (t) => {
  const { watcher, publish } = setUp('default');
  const changes = watcher.changes()[Symbol.asyncIterator]();
  const waiting = changes.next();
  watcher.offer([change(9), change(11)]);
  publish(change(11), change(12, 'other'), change(13), change(14, 'default', secretKind));
  t.deepEqual(revisions(await waiting), [11, 13]);
  publish(change(15));
  publish(change(16));
  t.deepEqual(revisions(await changes.next()), [15, 16]);
});

test('a bookmark never runs ahead of what the reader has dealt with', async (t) => {
  const { watcher, publish } = setUp('default');
  const changes = watcher.changes()[Symbol.asyncIterator]();
  t.is(watcher.revision, 10);
  publish(change(12, 'other'));
  t.is(watcher.revision, 12, 'nothing is buffered, so the cache vouches');
  publish(change(13));
  t.true(watcher.revision < 13);
  await changes.next();
  t.true(watcher.revision < 13, 'handed out, but perhaps not written yet');
  const waiting = changes.next();
  await Promise.resolve();
  t.is(watcher.revision, 13);
  publish(change(14));
  await waiting;
});

test('a watcher that lags is cut off with Expired, and drops what it held', async (t) => {
  const { watcher, publish } = setUp(undefined, 3);
  publish(change(11), change(12), change(13));
  publish(change(14));
  const error = await t.throwsAsync(watcher.changes()[Symbol.asyncIterator]().next());
  t.true(isApiError(error, 'Expired'));
});

test('closing ends a reader that waits', async (t) => {
  const { watcher, publish } = setUp();
  const waiting = watcher.changes()[Symbol.asyncIterator]().next();
  await Promise.resolve();
  watcher.close();
  t.is(revisions(await waiting), 'done');
  publish(change(11));
  t.is(revisions(await watcher.changes()[Symbol.asyncIterator]().next()), 'done');
});

test('subscribers get their kinds in order; one who unsubscribes another in its callback is obeyed', (t) => {
  const { fanout } = setUp();
  const seen: string[] = [];
  const names = (label: string) => (changes: readonly Change[]) => void seen.push(`${label} ${changes.map(({ stored }) => stored.revision).join()}`);
  const first = fanout.subscribe([configMapKind, secretKind], (changes) => {
    names('first')(changes);
    second.close();
  });
  const second = fanout.subscribe([configMapKind], names('second'));
  fanout.subscribe([secretKind], names('third'));
  fanout.toSubscribers([change(1), change(2, 'default', secretKind), change(3)]);
  first.close();
  fanout.toSubscribers([change(4)]);
  t.deepEqual(seen, ['first 1,2,3', 'third 2']);
});
