import test from 'ava';
import { configMapKind } from '../../../proto/kinds.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

test('writes that are ready together are several times as fast as one after the other, and each has its own revision', async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const { writer, reader } = await openTestStore(t, kv);
  const count = 500;
  const create = (name: string) => writer.create(configMapKind, configMap(name));
  await create('warm');
  const aloneFrom = performance.now();
  for (let at = 0; at < count; at += 1) await create(`alone-${at}`);
  const aloneMs = performance.now() - aloneFrom;
  const before = await kv.revision();
  const togetherFrom = performance.now();
  const stored = await Promise.all(Array.from({ length: count }, (_, at) => create(`together-${at}`)));
  const togetherMs = performance.now() - togetherFrom;
  t.log(`${Math.round((count / aloneMs) * 1000)}/s alone, ${Math.round((count / togetherMs) * 1000)}/s together`);
  t.true(togetherMs < aloneMs / 3);
  t.true((await kv.revision()) - before <= 10, 'a few transactions hold all of them');
  t.is(new Set(stored.map(({ revision }) => revision)).size, count);
  t.true(stored.every((one) => reader.get(configMapKind, one.key)?.revision === one.revision), 'cache and writer agree');
});

test('a controller that starts later reads the same revisions from etcd', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const first = await openTestStore(t, testKv(t, etcd.endpoint));
  await Promise.all(Array.from({ length: 2_500 }, (_, at) => first.writer.create(configMapKind, configMap(`m${at}`))));
  const second = await openTestStore(t, testKv(t, etcd.endpoint));
  const revisions = (store: typeof first) => store.reader.list(configMapKind).map(({ key, revision }) => `${key} ${revision}`);
  t.deepEqual(revisions(second), revisions(first));
  t.is(revisions(second).length, 2_500);
});

test('a current read is not held up by writes outside of the objects, even foreign ones', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const { reader } = await openTestStore(t, kv);
  await kv.txn([{ key: '/berth/nodes/a', value: Buffer.from('x'), expectedRevision: undefined }]);
  await reader.current();
  await kv.txn([{ key: '/elsewhere', value: Buffer.from('x'), expectedRevision: undefined }]);
  await reader.current();
  t.pass();
});
