import test from 'ava';
import { storedAt } from '../../../../controller/store/codec.ts';
import { KindObjects } from '../../../../controller/store/kind-objects.ts';
import type { Stored } from '../../../../controller/store/stored.ts';
import { podKind } from '../../../../proto/kinds.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import type { KubeObject } from '../../../../proto/resources/kubernetes.ts';

const pod = (name: string, namespace: string, node?: string, owner?: string): Stored => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(owner ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'x', uid: owner }] } : {}),
    },
    spec: node ? { nodeName: node } : {},
  };
  return storedAt(podKind, `${namespace}/${name}`, object, 1);
};
const keys = (list: readonly Stored[]) => list.map(({ key }) => key);

test('lists are in key order whatever the order of changes', (t) => {
  const objects = new KindObjects();
  const random = seededRandom(5);
  const expected = new Set<string>();
  for (let step = 0; step < 500; step += 1) {
    const one = pod(`p${Math.floor(random.next() * 60)}`, random.next() < 0.5 ? 'a' : 'a-b');
    if (random.next() < 0.6) {
      objects.set(one);
      expected.add(one.key);
    } else {
      objects.delete(one.key);
      expected.delete(one.key);
    }
  }
  const sorted = [...expected].toSorted();
  t.deepEqual(keys(objects.list()), sorted);
  t.deepEqual(keys(objects.indexed('namespace', 'a')), sorted.filter((key) => key.startsWith('a/')));
});

test('a list that was handed out does not change, and is shared until something does', (t) => {
  const objects = new KindObjects();
  objects.set(pod('one', 'a'));
  const list = objects.list();
  t.is(objects.list(), list);
  objects.set(pod('two', 'a'));
  t.deepEqual(keys(list), ['a/one']);
  t.deepEqual(keys(objects.list()), ['a/one', 'a/two']);
});

test('an object moves between index values, and leaves them when it goes', (t) => {
  const objects = new KindObjects();
  objects.set(pod('one', 'a', undefined, 'first'));
  objects.set(pod('one', 'a', 'node-1', 'second'));
  t.deepEqual(keys(objects.indexed('owner', 'first')), []);
  t.deepEqual(keys(objects.indexed('owner', 'second')), ['a/one']);
  t.deepEqual(keys(objects.indexed('node', 'node-1')), ['a/one']);
  objects.delete('a/one');
  t.deepEqual(objects.indexed('owner', 'second'), []);
  t.deepEqual(objects.indexed('node', 'node-1'), []);
  t.deepEqual(objects.indexed('namespace', 'a'), []);
});
