import test from 'ava';
import { configMapKind } from '../../../proto/kinds.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

test('an object with a time to live goes by itself, also after an update, and watchers are told', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const { writer, reader } = await openTestStore(t, testKv(t, etcd.endpoint));
  const created = await Promise.all(['a', 'b'].map((name) => writer.create(configMapKind, configMap(name), { ttlSeconds: 1 })));
  await writer.create(configMapKind, configMap('stays'));
  const [a] = created;
  await writer.update(configMapKind, configMap('a', { changed: 'yes' }), a?.revision ?? 0);
  const watcher = reader.watch(configMapKind, reader.revision);
  const gone: string[] = [];
  for await (const changes of watcher.changes()) {
    gone.push(...changes.map(({ type, stored }) => `${type} ${stored.key}`));
    if (gone.length === 2) break;
  }
  t.deepEqual(gone.toSorted(), ['DELETED default/a', 'DELETED default/b']);
  t.deepEqual(reader.list(configMapKind).map(({ key }) => key), ['default/stays']);
});
