import test from 'ava';
import type { KvEvent } from '../../../controller/store/kv.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { testKv } from '../../fixtures/store.ts';

const revisionOf = (event: KvEvent): number => (event.type === 'put' ? event.entry.modRevision : event.revision);

test('a replay that etcd sends in fragments comes by whole revisions', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const rounds = 12;
  const keys = 100;
  for (let round = 0; round < rounds; round += 1) {
    await kv.txn(Array.from({ length: keys }, (_, at) => ({ key: `/berth/k${at}`, value: Buffer.alloc(12_000, round), expectedRevision: undefined })));
  }
  const batches: (readonly KvEvent[])[] = [];
  await new Promise<void>((resolve, reject) => {
    let seen = 0;
    kv.watch('/berth/k', 2, {
      onEvents: (events) => {
        batches.push(events);
        seen += events.length;
        if (seen >= rounds * keys) resolve();
      },
      onCompacted: () => reject(new Error('nothing was compacted')),
      onConnection: () => undefined,
    });
  });
  t.true(batches.length > 1, 'etcd split the replay');
  for (const batch of batches) {
    const perRevision = Map.groupBy(batch, revisionOf);
    t.true([...perRevision.values()].every((events) => events.length === keys));
  }
  t.is(batches.flat().length, rounds * keys);
});

test('a range that does not fit into one answer is read in pages at one revision', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  for (let at = 0; at < 40; at += 1) {
    await kv.txn([{ key: `/berth/k${at}`, value: Buffer.alloc(1_000_000, at), expectedRevision: undefined }]);
  }
  const { entries, revision } = await kv.range('/berth/k');
  t.is(new Set(entries.map(({ key }) => key)).size, 40);
  t.is(revision, await kv.revision());
});
