import test from 'ava';
import { Compaction } from '../../../controller/store/compaction.ts';
import { isApiError } from '../../../proto/errors.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import { systemClock } from '../../../proto/process/clock.ts';
import { silentLog } from '../../../proto/process/log.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

test('a watch whose position was compacted away gives loops the difference and sends clients back to list', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const proxy = await startCuttingProxy(etcd.port, seededRandom(1));
  t.teardown(() => proxy.close());
  const direct = testKv(t, etcd.endpoint);
  const { writer, reader } = await openTestStore(t, direct);
  const cut = await openTestStore(t, testKv(t, proxy.endpoint));
  const kept = await writer.create(configMapKind, configMap('kept'));
  const changed = await writer.create(configMapKind, configMap('changed'));
  const removed = await writer.create(configMapKind, configMap('removed'));
  const replaced = await writer.create(configMapKind, configMap('replaced', {}, 'default', 'first'));
  await cut.reader.current();

  proxy.refuse();
  proxy.cut();
  await writer.update(configMapKind, configMap('changed', { now: 'other' }), changed.revision);
  await writer.remove(configMapKind, removed.key, removed.revision);
  await writer.remove(configMapKind, replaced.key, replaced.revision);
  await writer.create(configMapKind, configMap('replaced', {}, 'default', 'second'));
  await writer.create(configMapKind, configMap('added'));
  await direct.compact(await direct.revision());

  const before = cut.reader.revision;
  const watching = cut.reader.watch(configMapKind, before).changes()[Symbol.asyncIterator]().next();
  const seen: string[] = [];
  const told = Promise.withResolvers<void>();
  let first = true;
  cut.reader.subscribe([configMapKind], (changes) => {
    if (!first) seen.push(...changes.map(({ type, stored }) => `${type} ${stored.key} ${stored.object.metadata.uid}`));
    if (!first) told.resolve();
    first = false;
  });
  proxy.allow();
  const error = await t.throwsAsync(watching);
  t.true(isApiError(error, 'Expired'));
  await told.promise;
  t.deepEqual(seen.toSorted(), [
    'ADDED default/added default-added',
    'ADDED default/replaced second',
    'DELETED default/removed default-removed',
    'DELETED default/replaced first',
    'MODIFIED default/changed default-changed',
  ]);
  t.true(seen.indexOf('DELETED default/replaced first') < seen.indexOf('ADDED default/replaced second'));
  t.deepEqual(cut.reader.list(configMapKind).map(({ revision }) => revision), reader.list(configMapKind).map(({ revision }) => revision));
  t.is(cut.reader.get(configMapKind, 'default/kept')?.revision, kept.revision);
  const late = await t.throwsAsync(cut.reader.watch(configMapKind, before).changes()[Symbol.asyncIterator]().next());
  t.true(isApiError(late, 'Expired'));
});

test('each round forgets what was before the revision of the round before, with several controllers too', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const put = () => kv.txn([{ key: '/berth/a', value: Buffer.from('x'), expectedRevision: undefined }]);
  const compactions = [1, 2].map(() => new Compaction(kv, systemClock, silentLog));
  t.teardown(() => compactions.forEach((compaction) => compaction.close()));
  const rounds = async (): Promise<void> => {
    for (const compaction of compactions) await compaction.compact();
  };
  for (let at = 0; at < 5; at += 1) await put();
  const seen = await kv.revision();
  await rounds();
  for (let at = 0; at < 5; at += 1) await put();
  await rounds();
  const outcome = (revision: number): Promise<string> =>
    new Promise((resolve) => {
      kv.watch('/berth/', revision, { onEvents: () => resolve('events'), onCompacted: () => resolve('compacted'), onConnection: () => undefined });
    });
  t.is(await outcome(seen - 1), 'compacted');
  t.is(await outcome(seen), 'events');
});
