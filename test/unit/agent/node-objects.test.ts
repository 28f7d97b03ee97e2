import test from 'ava';
import { NodeObjectStore } from '../../../agent/node-objects.ts';
import { toJsonBytes } from '../../../proto/node-service.ts';

const bytes = (name: string, resourceVersion: string): Buffer =>
  toJsonBytes({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'ns', uid: name, resourceVersion } });
const changes = (objects: readonly Buffer[], complete = false, removed: readonly string[] = []) => ({
  objects, complete, removed: removed.map((name) => ({ kind: 'Secret', namespace: 'ns', name })),
});

test('objects come, change and go, and each is told once', (t) => {
  const store = new NodeObjectStore();
  const told: string[] = [];
  store.subscribe((kind, namespace, name) => told.push(`${kind} ${namespace}/${name}`));
  store.begin();
  store.take(changes([bytes('a', '1')], true));
  t.is(store.get('Secret', 'ns', 'a')?.metadata.resourceVersion, '1');
  store.take(changes([bytes('a', '2')]));
  t.is(store.get('Secret', 'ns', 'a')?.metadata.resourceVersion, '2');
  store.take(changes([], false, ['a', 'unknown']));
  t.is(store.get('Secret', 'ns', 'a'), undefined);
  t.deepEqual(told, ['Secret ns/a', 'Secret ns/a', 'Secret ns/a']);
});

test('a new session tells only what is different, and takes what it does not name when it is complete', (t) => {
  const store = new NodeObjectStore();
  store.begin();
  store.take(changes([bytes('same', '1'), bytes('changed', '1'), bytes('gone', '1')], true));
  const told: string[] = [];
  store.subscribe((_kind, _namespace, name) => told.push(name));
  store.begin();
  store.take(changes([bytes('same', '1')]));
  t.truthy(store.get('Secret', 'ns', 'gone'), 'until the session is complete everything stays');
  store.take(changes([bytes('changed', '2')], true));
  t.deepEqual(told, ['changed', 'gone']);
  t.is(store.get('Secret', 'ns', 'gone'), undefined);
});
