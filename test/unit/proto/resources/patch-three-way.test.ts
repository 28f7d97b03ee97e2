import test from 'ava';
import { podKind } from '../../../../proto/kinds.ts';
import { type Random, seededRandom } from '../../../../proto/process/random.ts';
import { applyStrategicPatch } from '../../../../proto/resources/patch-strategic.ts';
import { threeWayStrategicPatch } from '../../../../proto/resources/patch-three-way.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';

const schema = loadSchema();
const patchOf = (original: object | undefined, modified: object, current: object): object =>
  threeWayStrategicPatch(schema, podKind, { original, modified, current });

test('nothing is sent when all is as wanted, whatever others have added', (t) => {
  const wanted = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'a', image: 'x' }] } };
  const current = {
    metadata: { labels: { a: 'b', other: 'c' }, uid: 'u' },
    spec: { containers: [{ name: 'a', image: 'x', imagePullPolicy: 'Always' }, { name: 'injected' }], nodeName: 'n' },
  };
  t.deepEqual(patchOf(wanted, wanted, current), {});
});

test('only what was wanted last time is removed', (t) => {
  const original = { metadata: { labels: { a: '1', b: '2' } }, spec: { hostname: 'h', containers: [{ name: 'a' }, { name: 'b' }] } };
  const modified = { metadata: { labels: { a: '1' } }, spec: { containers: [{ name: 'a' }] } };
  const current = {
    metadata: { labels: { a: '1', b: '2', c: '3' } },
    spec: { hostname: 'h', containers: [{ name: 'a' }, { name: 'b' }, { name: 'injected' }] },
  };
  t.deepEqual(patchOf(original, modified, current), {
    metadata: { labels: { b: null } },
    spec: {
      hostname: null,
      containers: [{ $patch: 'delete', name: 'b' }],
      '$setElementOrder/containers': [{ name: 'a' }],
    },
  });
});

test('what is gone already is not removed again', (t) => {
  t.deepEqual(patchOf({ metadata: { labels: { a: '1' } } }, { metadata: {} }, { metadata: {} }), {});
});

test('what others have changed is set back', (t) => {
  t.deepEqual(patchOf({ spec: { hostname: 'h' } }, { spec: { hostname: 'h' } }, { spec: { hostname: 'x' } }), { spec: { hostname: 'h' } });
});

test('without a manifest of last time nothing is removed', (t) => {
  t.deepEqual(patchOf(undefined, { spec: { hostname: 'h' } }, { spec: { nodeName: 'n' } }), { spec: { hostname: 'h' } });
});

test('a volume that changes its kind names the keys that stay', (t) => {
  const original = { spec: { volumes: [{ name: 'v', emptyDir: {} }] } };
  const modified = { spec: { volumes: [{ name: 'v', hostPath: { path: '/tmp' } }] } };
  const patch = patchOf(original, modified, original);
  t.deepEqual(patch, {
    spec: {
      volumes: [{ name: 'v', hostPath: { path: '/tmp' }, emptyDir: null, $retainKeys: ['hostPath', 'name'] }],
      '$setElementOrder/volumes': [{ name: 'v' }],
    },
  });
  t.deepEqual(applyStrategicPatch(schema, podKind, original as object, patch), modified);
});

test('finalizers are added, removed and ordered as the set that they are', (t) => {
  const finalizers = (...names: readonly string[]): object => ({ metadata: { finalizers: names } });
  t.deepEqual(patchOf(finalizers('a/x', 'b/x'), finalizers('c/x', 'b/x'), finalizers('a/x', 'b/x', 'other/x')), {
    metadata: {
      finalizers: ['c/x'],
      '$deleteFromPrimitiveList/finalizers': ['a/x'],
      '$setElementOrder/finalizers': ['c/x', 'b/x'],
    },
  });
});

test('an empty list that is not there is not sent again and again', (t) => {
  t.deepEqual(patchOf({ spec: { tolerations: [] } }, { spec: { tolerations: [] } }, { spec: {} }), {});
  t.deepEqual(patchOf(undefined, { spec: { tolerations: [] } }, { spec: { tolerations: [{ key: 'a' }] } }), { spec: { tolerations: [] } });
});

test('a new order alone is a patch', (t) => {
  const pod = (...names: readonly string[]): object => ({ spec: { containers: names.map((name) => ({ name })) } });
  t.deepEqual(patchOf(pod('a', 'b'), pod('b', 'a'), pod('a', 'b')), { spec: { '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } });
});

test('two ports of one number are sent as a whole list', (t) => {
  const pod = (...protocols: readonly string[]): object => ({
    spec: { containers: [{ name: 'a', ports: protocols.map((protocol) => ({ containerPort: 53, protocol })) }] },
  });
  const patch = patchOf(pod('TCP'), pod('TCP', 'UDP'), pod('TCP'));
  t.deepEqual(applyStrategicPatch(schema, podKind, pod('TCP'), patch), pod('TCP', 'UDP'));
});

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
const some = <T>(random: Random, items: readonly T[]): T[] =>
  items
    .filter(() => random.next() < 0.5)
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);

/** A field with some of the items; no field when there are none, as the API stores it. */
const listField = (name: string, items: readonly unknown[]): object => (items.length === 0 ? {} : { [name]: items });

const dictionary = (random: Random): Record<string, string> =>
  Object.fromEntries(some(random, ['a', 'b', 'c']).map((key) => [key, pick(random, ['1', '2'])]));

const randomContainer = (random: Random, name: string): object => ({
  name,
  image: pick(random, ['x', 'y']),
  ...listField('args', some(random, ['1', '2', '3'])),
  ...listField('env', some(random, ['A', 'B', 'C', 'D']).map((key) => ({ name: key, value: pick(random, ['1', '2']) }))),
  ...listField('ports', some(random, [80, 81, 82]).map((containerPort) => ({ containerPort, protocol: pick(random, ['TCP', 'UDP']) }))),
});

const randomVolume = (random: Random, name: string): object => ({
  name,
  ...pick<object>(random, [{ emptyDir: {} }, { hostPath: { path: '/a' } }, { configMap: { name: 'c', items: [{ key: 'k', path: 'p' }] } }]),
});

const randomPod = (random: Random): object => ({
  metadata: {
    name: 'p',
    ...(random.next() < 0.7 ? { labels: dictionary(random) } : {}),
    ...listField('finalizers', some(random, ['a/x', 'b/x', 'c/x', 'd/x'])),
  },
  spec: {
    containers: some(random, ['a', 'b', 'c', 'd']).map((name) => randomContainer(random, name)),
    ...listField('volumes', some(random, ['v', 'w', 'x']).map((name) => randomVolume(random, name))),
    ...(random.next() < 0.3 ? { nodeSelector: dictionary(random) } : {}),
    ...(random.next() < 0.3 ? { tolerations: [{ key: pick(random, ['a', 'b']) }] } : {}),
  },
});

test('the patch between any two objects makes the one into the other, and then nothing is left to do', (t) => {
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const random = seededRandom(seed);
    const current = randomPod(random);
    const modified = randomPod(random);
    const patch = patchOf(current, modified, current);
    const result = applyStrategicPatch(schema, podKind, current, patch);
    t.deepEqual(result, modified, `seed ${seed}`);
    t.deepEqual(patchOf(modified, modified, result), {}, `seed ${seed}`);
  }
});

test('whatever the three objects are, a second round finds nothing to do', (t) => {
  for (let seed = 1; seed <= 2_000; seed += 1) {
    const random = seededRandom(seed);
    const [original, modified, current] = [randomPod(random), randomPod(random), randomPod(random)];
    const before = structuredClone([original, modified, current]);
    const result = applyStrategicPatch(schema, podKind, current, patchOf(original, modified, current));
    t.deepEqual(patchOf(modified, modified, result), {}, `seed ${seed}`);
    t.deepEqual([original, modified, current], before, `seed ${seed}`);
  }
});
