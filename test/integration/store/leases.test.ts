import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import { type Kv, KvUnavailable } from '../../../controller/store/kv.ts';
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

test('a lease is kept in time at another endpoint when the first says nothing', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const held: Socket[] = [];
  const silent = createServer((socket) => void held.push(socket)).listen(0, '127.0.0.1');
  t.teardown(() => {
    for (const socket of held) socket.destroy();
    silent.close();
  });
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const lease = await testKv(t, etcd.endpoint).grantLease(60);
  const timed = async <T>(work: Promise<T>): Promise<{ readonly result: T; readonly tookMs: number }> => {
    const beganMs = performance.now();
    return { result: await work, tookMs: performance.now() - beganMs };
  };
  const fresh = (): Kv => testKv(t, [`http://127.0.0.1:${port}`, etcd.endpoint]);
  const [kept, called] = await Promise.all([timed(fresh().keepLease(lease)), timed(fresh().get('/none'))]);
  t.is(kept.result, 60);
  t.true(kept.tookMs < called.tookMs, 'any other call may take longer than a lease lives');
});
