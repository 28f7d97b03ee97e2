import test, { type ExecutionContext } from 'ava';
import { openStore } from '../../../../controller/store/open.ts';
import { leaseKeysMax, objectBytesMax, txnOperationsMax, writesQueuedMax } from '../../../../controller/limits.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { systemClock as clock } from '../../../../proto/process/clock.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { configMap } from '../../../fixtures/config-map.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

const setUp = async (t: ExecutionContext) => {
  const kv = new MemoryKv();
  const store = await openStore({ kv, clock, log, random: seededRandom(1) });
  t.teardown(() => store.close());
  return { kv, ...store };
};

test('an object is created, replaced and removed, each at a revision of its own', async (t) => {
  const { writer, reader } = await setUp(t);
  const created = await writer.create(configMapKind, configMap('a', { at: '1' }));
  t.is(created.object.metadata.resourceVersion, String(created.revision));
  t.is(reader.get(configMapKind, 'default/a'), created);
  const updated = await writer.update(configMapKind, configMap('a', { at: '2' }), created.revision);
  t.true(updated.revision > created.revision);
  const removed = await writer.remove(configMapKind, 'default/a', updated.revision);
  t.true(removed.revision > updated.revision);
  t.deepEqual(removed.object['data'], { at: '2' });
  t.is(reader.get(configMapKind, 'default/a'), undefined);
});

test('stale and missing objects are told apart', async (t) => {
  const { writer } = await setUp(t);
  const { revision } = await writer.create(configMapKind, configMap('a'));
  await writer.update(configMapKind, configMap('a'), revision);
  const reasons = await Promise.all(
    [
      writer.create(configMapKind, configMap('a')),
      writer.update(configMapKind, configMap('a'), revision),
      writer.update(configMapKind, configMap('a'), 0),
      writer.update(configMapKind, configMap('b'), revision),
      writer.remove(configMapKind, 'default/a', revision),
      writer.remove(configMapKind, 'default/b', revision),
    ].map((write) => write.then(() => 'done', (error: unknown) => (isApiError(error) ? error.reason : String(error)))),
  );
  t.deepEqual(reasons, ['AlreadyExists', 'Conflict', 'Conflict', 'NotFound', 'Conflict', 'NotFound']);
});

test('writes that come while a transaction is in flight share the next one, in bounded batches', async (t) => {
  const { kv, writer } = await setUp(t);
  const release = kv.hold();
  const first = writer.create(configMapKind, configMap('first'));
  await Promise.resolve();
  const rest = Array.from({ length: txnOperationsMax + 2 }, (_, at) => writer.create(configMapKind, configMap(`m${at}`)));
  release();
  await Promise.all([first, ...rest]);
  t.deepEqual(kv.transactions.map(({ length }) => length), [1, txnOperationsMax, 2]);
});

test('a guard that fails answers its own write, and the others go through', async (t) => {
  const { kv, writer } = await setUp(t);
  await writer.create(configMapKind, configMap('taken'));
  const outcomes = await Promise.allSettled(['a', 'taken', 'b'].map((name) => writer.create(configMapKind, configMap(name))));
  t.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled']);
  t.deepEqual(kv.transactions.map(({ length }) => length), [1, 3, 2]);
});

test('two writes of one key never share a transaction, and keep their order', async (t) => {
  const { kv, writer } = await setUp(t);
  const { revision } = await writer.create(configMapKind, configMap('a'));
  const outcomes = await Promise.allSettled(['1', '2'].map((at) => writer.update(configMapKind, configMap('a', { at }), revision)));
  t.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected']);
  t.deepEqual(kv.transactions.map(({ length }) => length), [1, 1, 1]);
});

test('a write whose answer is lost is reported as unknown and not sent again', async (t) => {
  const { kv, writer, reader } = await setUp(t);
  kv.loseNextAnswer();
  const error = await t.throwsAsync(writer.create(configMapKind, configMap('a')));
  t.true(isApiError(error, 'ServiceUnavailable'));
  t.is(kv.transactions.length, 1);
  t.truthy(reader.get(configMapKind, 'default/a'), 'it was applied after all, and the cache shows it');
});

test('an outage fails what is in flight and what waits, and ends by itself', async (t) => {
  const { kv, writer, reader, connected } = await setUp(t);
  await writer.create(configMapKind, configMap('before'));
  kv.setAvailable(false);
  const outcomes = await Promise.allSettled(['a', 'b'].map((name) => writer.create(configMapKind, configMap(name))));
  t.true(outcomes.every((outcome) => outcome.status === 'rejected' && isApiError(outcome.reason, 'ServiceUnavailable')));
  await t.throwsAsync(reader.current(), { name: 'ApiError' });
  t.false(connected());
  t.is(reader.list(configMapKind).length, 1);
  kv.setAvailable(true);
  await writer.create(configMapKind, configMap('after'));
  t.deepEqual(reader.list(configMapKind).map(({ key }) => key), ['default/after', 'default/before']);
});

test('more writes than the queue holds are turned away', async (t) => {
  const { kv, writer } = await setUp(t);
  const release = kv.hold();
  const writes = Array.from({ length: writesQueuedMax + 1 }, (_, at) => writer.create(configMapKind, configMap(`m${at}`)));
  const settled = Promise.allSettled(writes);
  release();
  const rejected = (await settled).filter((outcome) => outcome.status === 'rejected');
  t.is(rejected.length, 1);
  t.true(isApiError(rejected[0]?.reason, 'TooManyRequests'));
});

test('an object that etcd would refuse for its size is refused before', async (t) => {
  const { kv, writer } = await setUp(t);
  const error = await t.throwsAsync(writer.create(configMapKind, configMap('big', { text: 'é'.repeat(objectBytesMax / 2) })));
  t.true(isApiError(error, 'RequestEntityTooLarge'));
  t.is(kv.transactions.length, 0);
});

test('objects with a time to live share leases, and an update keeps the lease', async (t) => {
  const { kv, writer, reader } = await setUp(t);
  const create = (name: string) => writer.create(configMapKind, configMap(name), { ttlSeconds: 3_600 });
  const [first] = await Promise.all(Array.from({ length: leaseKeysMax + 1 }, (_, at) => create(`m${at}`)));
  t.deepEqual([...kv.leases.values()], [3_900, 3_900], 'a full one is followed by another, and both outlast the time asked for');
  await writer.update(configMapKind, configMap('m0', { changed: 'yes' }), first?.revision ?? 0);
  kv.expireLease([...kv.leases.keys()][0] ?? '');
  await reader.current();
  t.deepEqual(reader.list(configMapKind).map(({ key }) => key), [`default/m${leaseKeysMax}`]);
});

test('a lease that was lost fails the writes that named it, once', async (t) => {
  const { kv, writer } = await setUp(t);
  const create = (name: string) => writer.create(configMapKind, configMap(name), { ttlSeconds: 60 });
  await create('a');
  for (const lease of kv.leases.keys()) kv.expireLease(lease);
  const lost = create('b');
  const error = await t.throwsAsync(lost);
  t.true(isApiError(error, 'ServiceUnavailable'));
  t.is((await create('b')).key, 'default/b');
});

test('a subscriber sees what exists and then every change, and never a gap', async (t) => {
  const { writer, reader } = await setUp(t);
  const { revision } = await writer.create(configMapKind, configMap('a'));
  const seen: string[] = [];
  reader.subscribe([configMapKind], (changes) => {
    for (const { type, stored } of changes) seen.push(`${type} ${stored.key} ${reader.get(configMapKind, stored.key)?.revision === stored.revision}`);
  });
  const updated = await writer.update(configMapKind, configMap('a'), revision);
  await writer.remove(configMapKind, 'default/a', updated.revision);
  t.deepEqual(seen, ['ADDED default/a true', 'MODIFIED default/a true', 'DELETED default/a false']);
});
