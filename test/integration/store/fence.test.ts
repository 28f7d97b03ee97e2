/** A leader that was replaced cannot write, whatever it believes; people can, through the same controller. */
import test, { type ExecutionContext } from 'ava';
import { Election, type Term } from '../../../controller/store/election.ts';
import { fencedKv } from '../../../controller/store/fence.ts';
import { type Kv, KvUnavailable } from '../../../controller/store/kv.ts';
import type { ApiError } from '../../../proto/errors.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import { systemClock } from '../../../proto/process/clock.ts';
import { silentLog } from '../../../proto/process/log.ts';
import type { ConfigMap } from '../../../proto/resources/kubernetes.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

const key = '/berth/election/test';

const configMap = (name: string, value: string): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data: { value } });

/** The terms of one candidate, as it wins them. */
const campaign = (t: ExecutionContext, kv: Kv): (() => Promise<Term>) => {
  const won: Term[] = [];
  let tell = (): void => undefined;
  const stop = new AbortController();
  const election = new Election({ kv, key, id: 'test', clock: systemClock, log: silentLog, ttlSeconds: 60 });
  const ended = election.run(stop.signal, async (term) => {
    won.push(term);
    tell();
    if (!term.lost.aborted) await new Promise((resolve) => term.lost.addEventListener('abort', resolve, { once: true }));
  });
  t.teardown(async () => {
    stop.abort();
    await ended;
  });
  return async () => {
    while (won.length === 0) await new Promise<void>((resolve) => (tell = resolve));
    return won.shift() as Term;
  };
};

/** Takes the key as another leader does, unnoticed by the one that has it: as if that one stood still. */
const takeOver = async (kv: Kv): Promise<void> => {
  await kv.txn([{ key, value: undefined, expectedRevision: undefined }]);
  await kv.txn([{ key, value: Buffer.from('another'), expectedRevision: 0 }]);
};

test('a leader whose election was taken over writes nothing more, and steps down', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const store = await openTestStore(t, kv);
  const { fence } = await campaign(t, kv)();
  const broken: string[] = [];
  // Without the election's own watch, which would see what happened: here nobody tells the leader.
  const leader = store.fenced({ ...fence, onBroken: () => broken.push('store') });
  const leaderKv = fencedKv(kv, { ...fence, onBroken: () => broken.push('kv') });
  const made = await leader.create(configMapKind, configMap('a', '1'));
  t.true((await leaderKv.txn([{ key: '/berth/claims/a', value: Buffer.from('x'), expectedRevision: 0 }])).succeeded);

  await takeOver(kv);
  // All in one transaction: what is fenced is refused, what people write is not.
  const [created, updated, removed, byPeople] = await Promise.allSettled([
    leader.create(configMapKind, configMap('b', '1')),
    leader.update(configMapKind, configMap('a', '2'), made.revision),
    leader.remove(configMapKind, 'default/a', made.revision),
    store.writer.create(configMapKind, configMap('c', '1')),
  ]);
  for (const outcome of [created, updated, removed]) t.is(outcome.status === 'rejected' && (outcome.reason as ApiError).reason, 'ServiceUnavailable');
  t.is(byPeople.status, 'fulfilled');
  await t.throwsAsync(leaderKv.txn([{ key: '/berth/claims/b', value: Buffer.from('x'), expectedRevision: 0 }]), { instanceOf: KvUnavailable });
  t.deepEqual(broken, ['store', 'store', 'store', 'kv']);
  const { entries } = await kv.range('/berth/');
  t.deepEqual(entries.map((entry) => entry.key).filter((each) => /(claims|configmaps)/.test(each)), [
    '/berth/claims/a', '/berth/objects/core/configmaps/default/a', '/berth/objects/core/configmaps/default/c',
  ]);
  t.is((store.reader.get<ConfigMap>(configMapKind, 'default/a'))?.object.data?.['value'], '1');
});

test('a refused write ends the term at once, and what is left of it stays outside of the next', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const kv = testKv(t, etcd.endpoint);
  const store = await openTestStore(t, kv);
  const next = campaign(t, kv);
  const first = await next();
  first.fence.onBroken();
  t.true(first.lost.aborted);
  const second = await next();
  t.true(second.fence.createRevision > first.fence.createRevision);
  const [stale, fresh] = await Promise.allSettled([
    store.fenced(first.fence).create(configMapKind, configMap('stale', '1')),
    store.fenced(second.fence).create(configMapKind, configMap('fresh', '1')),
  ]);
  t.is(stale.status, 'rejected');
  t.is(fresh.status, 'fulfilled');
});
