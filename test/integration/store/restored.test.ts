import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { OpenStore } from '../../../controller/store/open.ts';
import type { Change } from '../../../controller/store/stored.ts';
import { isApiError } from '../../../proto/errors.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { type EtcdFixture, startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv, untilDone } from '../../fixtures/store.ts';

const isAway = (error: unknown): boolean => isApiError(error, 'ServiceUnavailable') || isApiError(error, 'Timeout');

const start = async (t: ExecutionContext): Promise<{ etcd: EtcdFixture; snapshot: string }> => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const folder = await mkdtemp(join(tmpdir(), 'berth-snapshot-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return { etcd, snapshot: join(folder, 'snapshot') };
};

const contents = ({ reader }: OpenStore): Record<string, unknown> =>
  Object.fromEntries(reader.list(configMapKind).map(({ key, object }) => [key, (object['data'] as { at: string }).at]));

const create = (store: OpenStore, name: string, at: string) => untilDone(() => store.writer.create(configMapKind, configMap(name, { at })), isAway);

/** What a loop knows that is told of changes alone. */
const follow = (t: ExecutionContext, { reader }: OpenStore): Map<string, string> => {
  const known = new Map<string, string>();
  const subscription = reader.subscribe([configMapKind], (changes: readonly Change[]) => {
    for (const { type, stored } of changes) {
      if (type === 'DELETED') known.delete(stored.key);
      else known.set(stored.key, (stored.object['data'] as { at: string }).at);
    }
  });
  t.teardown(() => subscription.close());
  return known;
};

/** Resolves to how a client's watch ended. */
const endOf = async ({ reader }: OpenStore, revision: number): Promise<unknown> => {
  try {
    for await (const changes of reader.watch(configMapKind, revision).changes()) {
      if (changes.some(({ stored }) => stored.revision <= revision)) return 'a change of the past';
    }
    return 'closed';
  } catch (error) {
    return error;
  }
};

test('when etcd is restored under running controllers, revisions go on above all before, watches end with 410, and all agree on what is there', async (t) => {
  const { etcd, snapshot } = await start(t);
  const [one, other] = [await openTestStore(t, testKv(t, etcd.endpoint)), await openTestStore(t, testKv(t, etcd.endpoint))];
  const known = follow(t, other);
  const kept = await create(one, 'kept', 'before');
  await create(one, 'changed', 'before');
  await create(one, 'deleted', 'before');
  await etcd.snapshot(snapshot);
  const state = { 'default/kept': 'before', 'default/changed': 'before', 'default/deleted': 'before' };

  let revision = kept.revision;
  // The second time the cluster id is the one of before, as is the record that the snapshot brings.
  for (const round of ['first', 'second']) {
    for (const store of [one, other]) await untilDone(() => store.reader.current(), isAway);
    const changed = one.reader.get(configMapKind, 'default/changed');
    const deleted = one.reader.get(configMapKind, 'default/deleted');
    t.truthy(changed && deleted);
    await one.writer.update(configMapKind, configMap('changed', { at: 'after' }), changed?.revision ?? 0);
    await one.writer.remove(configMapKind, 'default/deleted', deleted?.revision ?? 0);
    const last = await create(other, `made-${round}`, 'after');
    t.true(last.revision > revision, 'revisions grow');
    const ends = [endOf(one, last.revision), endOf(other, last.revision)];
    await etcd.restore(snapshot);
    for (const end of await Promise.all(ends)) t.true(isApiError(end, 'Expired'), String(end));

    for (const store of [one, other]) {
      await untilDone(() => store.reader.current(), isAway);
      t.deepEqual(contents(store), state);
      t.true(store.reader.revision > last.revision);
      for (const { revision: present, object } of store.reader.list(configMapKind)) {
        t.true(present > last.revision, 'an object has a revision above all before');
        t.is(object.metadata.resourceVersion, String(present));
      }
      t.true(isApiError(await endOf(store, last.revision), 'Expired'), 'no watch resumes from before');
    }
    t.deepEqual(Object.fromEntries(known), state, 'loops are told the difference');
    const revisions = (store: OpenStore) => store.reader.list(configMapKind).map((stored) => stored.revision);
    t.deepEqual(revisions(one), revisions(other), 'all controllers count alike');

    const stale = await t.throwsAsync(one.writer.update(configMapKind, configMap('kept', { at: 'stale' }), kept.revision));
    t.true(isApiError(stale, 'Conflict'), 'a write that was prepared before is refused');
    revision = last.revision;
  }
});

test('a controller that starts after the restore, and was not there before, goes on above all before', async (t) => {
  const { etcd, snapshot } = await start(t);
  const run = async (work: (store: OpenStore) => Promise<unknown>): Promise<number> => {
    const store = await openTestStore(t, testKv(t, etcd.endpoint));
    const from = store.reader.revision;
    for (const stored of store.reader.list(configMapKind)) t.true(stored.revision <= from);
    await work(store);
    const { revision } = store.reader;
    store.close();
    return revision;
  };
  let last = await run((store) => create(store, 'kept', 'before'));
  await etcd.snapshot(snapshot);
  for (const name of ['a', 'b', 'c']) {
    const before = await run((store) => create(store, name, 'after'));
    t.true(before > last);
    await etcd.restore(snapshot);
    last = await run(async (store) => {
      t.deepEqual(contents(store), { 'default/kept': 'before' });
      t.true((store.reader.get(configMapKind, 'default/kept')?.revision ?? 0) > before);
    });
  }
  const again = await run(async () => undefined);
  t.true(again >= last && again < last + 4_096 * 100, 'without a restore revisions just go on');
});
