import test from 'ava';
import type { KvEvent } from '../../../controller/store/kv.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { testKv } from '../../fixtures/store.ts';

const label = (event: KvEvent): string =>
  event.type === 'put' ? `${event.entry.modRevision} ${event.entry.key}=${event.entry.value.toString().slice(0, 12)}` : `${event.revision} ${event.key} deleted`;
const revisionOf = (event: KvEvent): number => (event.type === 'put' ? event.entry.modRevision : event.revision);

for (const seed of [1, 2, 3]) {
  test(`a watch that is cut at random points of a replay and of live events loses and repeats nothing (seed ${seed})`, async (t) => {
    const random = seededRandom(seed);
    const etcd = await startEtcd({ fast: true });
    t.teardown(() => etcd.stop());
    const cutting = seededRandom(seed + 100);
    const proxy = await startCuttingProxy(etcd.port, cutting);
    t.teardown(() => proxy.close());
    const direct = testKv(t, etcd.endpoint);
    const expected: string[] = [];
    const present = new Set<string>();
    const write = async (round: number): Promise<void> => {
      const writes = Array.from({ length: 1 + Math.floor(random.next() * 40) }, (_, at) => ({
        key: `/berth/k${at}`,
        value: random.next() < 0.1 ? undefined : Buffer.from(`${round} `.padEnd(20 + Math.floor(random.next() * 3_000), 'x')),
        expectedRevision: undefined,
      }));
      const result = await direct.txn(writes);
      for (const { key, value } of writes) {
        if (value) expected.push(`${result.revision} ${key}=${value.toString().slice(0, 12)}`);
        else if (present.has(key)) expected.push(`${result.revision} ${key} deleted`);
        if (value) present.add(key);
        else present.delete(key);
      }
    };
    for (let round = 0; round < 150; round += 1) await write(round);

    // Above the size of one answer (2 MB), so that it can get through at all; the draw decides whether it does.
    proxy.cutAfter(5_000_000);
    const seen: string[] = [];
    let split = 0;
    let lastRevision = 0;
    let awaited = Number.POSITIVE_INFINITY;
    let caughtUp = Promise.withResolvers<void>();
    const untilAllSeen = async (): Promise<void> => {
      awaited = expected.length;
      caughtUp = Promise.withResolvers();
      if (seen.length < awaited) await caughtUp.promise;
    };
    const watched = testKv(t, proxy.endpoint);
    watched.watch('/berth/k', 2, {
      onEvents: (events) => {
        if (events[0] && revisionOf(events[0]) <= lastRevision) split += 1;
        const last = events.at(-1);
        if (last) lastRevision = revisionOf(last);
        seen.push(...events.map(label));
        if (cutting.next() < 0.2) proxy.cut();
        if (seen.length >= awaited) caughtUp.resolve();
      },
      onCompacted: () => caughtUp.reject(new Error('nothing was compacted')),
      onConnection: () => undefined,
    });
    for (let round = 150; round < 400; round += 1) {
      await write(round);
      // So that live events are cut too, and not only replays.
      if (round % 10 === 0) await untilAllSeen();
    }
    await untilAllSeen();
    t.deepEqual(seen, expected);
    t.is(split, 0, 'a revision never spans two batches');
    t.true(proxy.cuts >= 10, `the connection was cut ${proxy.cuts} times`);
  });
}
