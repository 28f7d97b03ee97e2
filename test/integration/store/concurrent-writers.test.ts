import test from 'ava';
import { isApiError } from '../../../proto/errors.ts';
import { configMapKind } from '../../../proto/kinds.ts';
import type { ConfigMap } from '../../../proto/resources/kubernetes.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

test('many writers on two controllers count one object up, and no count is lost', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const stores = [await openTestStore(t, testKv(t, etcd.endpoint)), await openTestStore(t, testKv(t, etcd.endpoint))];
  await stores[0]?.writer.create(configMapKind, configMap('counter', { count: '0' }));
  const increments = 10;
  const lanes = stores.flatMap((store) => Array.from({ length: 8 }, () => store));
  let conflicts = 0;
  await Promise.all(
    lanes.map(async ({ reader, writer }) => {
      await reader.current();
      for (let done = 0; done < increments; ) {
        const stored = reader.get<ConfigMap>(configMapKind, 'default/counter');
        const count = String(Number(stored?.object.data?.['count']) + 1);
        try {
          await writer.update(configMapKind, configMap('counter', { count }), stored?.revision ?? 0);
          done += 1;
        } catch (error) {
          if (!isApiError(error, 'Conflict')) throw error;
          conflicts += 1;
          await reader.current();
        }
      }
    }),
  );
  for (const { reader } of stores) {
    await reader.current();
    t.is(reader.get<ConfigMap>(configMapKind, 'default/counter')?.object.data?.['count'], String(lanes.length * increments));
  }
  t.true(conflicts > 0);
});

test('of many who create one name, one succeeds and the others are told that it exists', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const { writer } = await openTestStore(t, testKv(t, etcd.endpoint));
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => writer.create(configMapKind, configMap('one'))));
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  t.true(outcomes.every((outcome) => outcome.status === 'fulfilled' || isApiError(outcome.reason, 'AlreadyExists')));
});
