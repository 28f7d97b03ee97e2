import test from 'ava';
import { KvUnavailable } from '../../../controller/store/kv.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { testKv, untilDone } from '../../fixtures/store.ts';

const isUnavailable = (error: unknown): boolean => error instanceof KvUnavailable;

test('many leases are kept alive at once, each with its own answer, and one that is gone says so', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const seconds = Array.from({ length: 100 }, (_, at) => 60 + at);
  const leases = await Promise.all(seconds.map((ttlSeconds) => kv.grantLease(ttlSeconds)));
  await kv.revokeLease(leases[50] ?? '');
  const kept = await Promise.all(leases.map((lease) => kv.keepLease(lease)));
  t.deepEqual(kept, seconds.map((ttlSeconds, at) => (at === 50 ? 0 : ttlSeconds)));
});

test('an etcd that dies or stands still keeps no lease, which is told in time, and keeps them again when it is back', async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const leases = await Promise.all([60, 61].map((ttlSeconds) => kv.grantLease(ttlSeconds)));
  const keepAll = (): Promise<number[]> => Promise.all(leases.map((lease) => kv.keepLease(lease)));
  t.deepEqual(await keepAll(), [60, 61]);
  await etcd.kill();
  for (const lease of leases) await t.throwsAsync(kv.keepLease(lease), { instanceOf: KvUnavailable });
  await etcd.restart();
  t.deepEqual(await untilDone(keepAll, isUnavailable), [60, 61]);
  etcd.pause();
  await t.throwsAsync(keepAll(), { instanceOf: KvUnavailable });
  etcd.resume();
  t.deepEqual(await untilDone(keepAll, isUnavailable), [60, 61]);
});
