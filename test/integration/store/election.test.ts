import test, { type ExecutionContext } from 'ava';
import { Election, type Lead } from '../../../controller/store/election.ts';
import { systemClock } from '../../../proto/process/clock.ts';
import { silentLog } from '../../../proto/process/log.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { testKv } from '../../fixtures/store.ts';

const key = '/berth/election/test';
const ttlSeconds = 2;

interface Candidate {
  /** Resolves to its fence's revision when it leads. */
  readonly leads: Promise<number>;
  readonly lost: Promise<void>;
  readonly ended: Promise<void>;
  stop(): void;
}

const startCandidate = (t: ExecutionContext, endpoint: string, id: string): Candidate => {
  const leads = Promise.withResolvers<number>();
  const lost = Promise.withResolvers<void>();
  const stop = new AbortController();
  const lead: Lead = async ({ lost: signal, fence }) => {
    leads.resolve(fence.createRevision);
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    lost.resolve();
  };
  const election = new Election({ kv: testKv(t, endpoint), key, id, clock: systemClock, log: silentLog, ttlSeconds });
  const ended = election.run(stop.signal, lead);
  t.teardown(async () => {
    stop.abort();
    await ended;
  });
  return { leads: leads.promise, lost: lost.promise, ended, stop: () => stop.abort() };
};

test('a leader that stops hands over at once, with a greater revision of its fence', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const first = startCandidate(t, etcd.endpoint, 'first');
  const firstRevision = await first.leads;
  const second = startCandidate(t, etcd.endpoint, 'second');
  // Longer than the lease: renewals keep the first one in office.
  await systemClock.sleep(ttlSeconds * 1_500);
  t.is(await Promise.race([second.leads, Promise.resolve('waiting')]), 'waiting');
  const from = performance.now();
  first.stop();
  await first.ended;
  t.true((await second.leads) > firstRevision);
  t.true(performance.now() - from < 1_000, 'without waiting for the lease to expire');
});

test('a leader that is cut off from etcd knows that it lost before another one leads', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const proxy = await startCuttingProxy(etcd.port, seededRandom(1));
  t.teardown(() => proxy.close());
  const first = startCandidate(t, proxy.endpoint, 'first');
  await first.leads;
  const second = startCandidate(t, etcd.endpoint, 'second');
  const order: string[] = [];
  const both = Promise.all([first.lost.then(() => order.push('lost')), second.leads.then(() => order.push('leads'))]);
  proxy.refuse();
  proxy.cut();
  await both;
  t.deepEqual(order, ['lost', 'leads']);
  second.stop();
  proxy.allow();
});

test('a leader whose key is taken away steps down, and campaigns again', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const revisions: number[] = [];
  const again = Promise.withResolvers<void>();
  const stop = new AbortController();
  const election = new Election({ kv, key, id: 'only', clock: systemClock, log: silentLog, ttlSeconds });
  const ended = election.run(stop.signal, async ({ lost, fence }) => {
    revisions.push(fence.createRevision);
    if (revisions.length === 2) again.resolve();
    else await kv.txn([{ key, value: undefined, expectedRevision: undefined }]);
    if (!lost.aborted) await new Promise((resolve) => lost.addEventListener('abort', resolve, { once: true }));
  });
  await again.promise;
  stop.abort();
  await ended;
  t.true((revisions[1] ?? 0) > (revisions[0] ?? 0));
  t.is(await kv.get(key), undefined, 'the key goes with the candidate');
});
