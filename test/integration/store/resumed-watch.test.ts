import test from 'ava';
import { configMapKind } from '../../../proto/kinds.ts';
import { seededRandom } from '../../../proto/process/random.ts';
import { configMap } from '../../fixtures/config-map.ts';
import { startCuttingProxy } from '../../fixtures/cutting-proxy.ts';
import { startEtcd } from '../../fixtures/etcd.ts';
import { openTestStore, testKv } from '../../fixtures/store.ts';

test('a client that leaves in the middle of a transaction and resumes from the last object it saw gets each change once, from any controller', async (t) => {
  const random = seededRandom(7);
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const proxy = await startCuttingProxy(etcd.port, random);
  t.teardown(() => proxy.close());
  const writer = await openTestStore(t, testKv(t, etcd.endpoint));
  const other = await openTestStore(t, testKv(t, proxy.endpoint));
  const from = other.reader.revision;
  proxy.cutAfter(1_000_000);

  const count = 300;
  const writing = (async () => {
    const objects = await Promise.all(
      Array.from({ length: count }, (_, at) => writer.writer.create(configMapKind, configMap(`m${at}`, { text: 'x'.repeat(500) }))),
    );
    await Promise.all(objects.map(({ object, revision }) => writer.writer.update(configMapKind, { ...object, data: { text: 'y' } }, revision)));
    const updated = writer.reader.list(configMapKind);
    await Promise.all(updated.map(({ key, revision }) => writer.writer.remove(configMapKind, key, revision)));
  })();

  const seen: string[] = [];
  let position = from;
  let readers = 0;
  while (seen.length < count * 3) {
    const reader = (readers % 2 === 0 ? other : writer).reader;
    readers += 1;
    if (readers % 5 === 0) proxy.cut();
    await reader.reached(position);
    const watcher = reader.watch(configMapKind, position);
    let left = 1 + Math.floor(random.next() * 60);
    for await (const changes of watcher.changes()) {
      for (const { type, stored } of changes.slice(0, left)) {
        t.true(stored.revision > position, 'revisions grow');
        position = stored.revision;
        seen.push(`${type} ${stored.key}`);
      }
      left -= changes.length;
      if (left <= 0 || seen.length >= count * 3) break;
    }
  }
  await writing;
  const expected = ['ADDED', 'MODIFIED', 'DELETED'].flatMap((type) => Array.from({ length: count }, (_, at) => `${type} default/m${at}`));
  t.deepEqual(seen.toSorted(), expected.toSorted());
  t.true(readers > 10);
});
