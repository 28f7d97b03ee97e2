import test from 'ava';
import { isApiError } from '../../../../proto/errors.ts';
import { deploymentKind, podKind, secretKind, serviceKind } from '../../../../proto/kinds.ts';
import { applyStrategicPatch } from '../../../../proto/resources/patch-strategic.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';

const schema = loadSchema();

interface Case {
  readonly title: string;
  readonly object: object;
  readonly patch: object;
  readonly result: object;
}

const named = (...names: readonly string[]): object[] => names.map((name) => ({ name }));
const podWith = (...names: readonly string[]): object => ({ spec: { containers: named(...names) } });

const cases: readonly Case[] = [
  {
    title: 'fields are merged, null removes',
    object: { metadata: { labels: { a: '1', b: '2' } }, spec: { nodeName: 'n', hostname: 'h' } },
    patch: { metadata: { labels: { b: null, c: '3' } }, spec: { nodeName: null } },
    result: { metadata: { labels: { a: '1', c: '3' } }, spec: { hostname: 'h' } },
  },
  {
    title: 'containers are merged by name, new ones come last',
    object: { spec: { containers: [{ name: 'a', image: '1', args: ['x'] }, { name: 'b', image: '1' }] } },
    patch: { spec: { containers: [{ name: 'c' }, { name: 'a', image: '2' }] } },
    result: { spec: { containers: [{ name: 'b', image: '1' }, { name: 'c' }, { name: 'a', image: '2', args: ['x'] }] } },
  },
  {
    title: 'lists without a merge key are replaced',
    object: { spec: { tolerations: [{ key: 'a' }], containers: [{ name: 'a', args: ['x', 'y'] }] } },
    patch: { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', args: ['z'] }] } },
    result: { spec: { tolerations: [{ key: 'b' }], containers: [{ name: 'a', args: ['z'] }] } },
  },
  {
    title: '$patch: delete removes an item',
    object: podWith('a', 'b'),
    patch: { spec: { containers: [{ name: 'a', $patch: 'delete' }] } },
    result: podWith('b'),
  },
  {
    title: '$patch: delete of an item that is not there does nothing',
    object: podWith('a'),
    patch: { spec: { containers: [{ name: 'x', $patch: 'delete' }] } },
    result: podWith('a'),
  },
  {
    title: '$patch: replace in an item of its own replaces the list',
    object: podWith('a', 'b'),
    patch: { spec: { containers: [{ name: 'c' }, { $patch: 'replace' }] } },
    result: podWith('c'),
  },
  {
    title: '$patch: replace in a struct replaces it',
    object: { spec: { securityContext: { runAsUser: 1, runAsGroup: 2 } } },
    patch: { spec: { securityContext: { $patch: 'replace', runAsUser: 3 } } },
    result: { spec: { securityContext: { runAsUser: 3 } } },
  },
  {
    title: '$patch: delete in a struct removes it',
    object: { spec: { securityContext: { runAsUser: 1 }, hostname: 'h' } },
    patch: { spec: { securityContext: { $patch: 'delete' } } },
    result: { spec: { hostname: 'h' } },
  },
  {
    title: '$patch: merge merges, and is not stored',
    object: { spec: { securityContext: { runAsUser: 1 } } },
    patch: { spec: { securityContext: { $patch: 'merge', runAsGroup: 2 } } },
    result: { spec: { securityContext: { runAsUser: 1, runAsGroup: 2 } } },
  },
  {
    title: '$retainKeys removes the fields that it does not list',
    object: { spec: { volumes: [{ name: 'v', emptyDir: {} }] } },
    patch: { spec: { volumes: [{ name: 'v', hostPath: { path: '/tmp' }, $retainKeys: ['name', 'hostPath'] }] } },
    result: { spec: { volumes: [{ name: 'v', hostPath: { path: '/tmp' } }] } },
  },
  {
    title: '$setElementOrder orders the items it knows and leaves the others where they stood',
    object: podWith('a', 'sidecar', 'b'),
    patch: { spec: { $setElementOrder: undefined, '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }] } },
    result: podWith('sidecar', 'b', 'a'),
  },
  {
    title: '$setElementOrder places new items',
    object: podWith('a', 'c'),
    patch: { spec: { '$setElementOrder/containers': named('a', 'b', 'c'), containers: [{ name: 'b' }] } },
    result: podWith('a', 'b', 'c'),
  },
  {
    title: 'finalizers are a set: additions are merged',
    object: { metadata: { finalizers: ['a/x', 'b/x'] } },
    patch: { metadata: { finalizers: ['b/x', 'c/x'] } },
    result: { metadata: { finalizers: ['a/x', 'b/x', 'c/x'] } },
  },
  {
    title: '$deleteFromPrimitiveList removes, with an order too',
    object: { metadata: { finalizers: ['a/x', 'b/x', 'c/x'] } },
    patch: { metadata: { '$deleteFromPrimitiveList/finalizers': ['a/x'], '$setElementOrder/finalizers': ['c/x', 'b/x'] } },
    result: { metadata: { finalizers: ['c/x', 'b/x'] } },
  },
  {
    title: 'directives and nulls of what is new are not stored',
    object: { spec: {} },
    patch: {
      spec: {
        affinity: { $patch: 'merge', nodeAffinity: null },
        volumes: [{ name: 'v', emptyDir: {}, $retainKeys: ['name', 'emptyDir'] }, { name: 'w', $patch: 'delete' }],
        tolerations: [{ key: 'k', value: null }],
        '$setElementOrder/volumes': [{ name: 'v' }],
        '$setElementOrder/containers': [],
      },
    },
    result: { spec: { affinity: {}, volumes: [{ name: 'v', emptyDir: {} }], tolerations: [{ key: 'k' }] } },
  },
  {
    title: 'env of a container is merged inside of the merge',
    object: { spec: { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }, { name: 'Y', value: '2' }] }] } },
    patch: { spec: { containers: [{ name: 'a', env: [{ name: 'Y', value: '3' }, { name: 'X', $patch: 'delete' }] }] } },
    result: { spec: { containers: [{ name: 'a', env: [{ name: 'Y', value: '3' }] }] } },
  },
];

for (const { title, object, patch, result } of cases) {
  test(title, (t) => {
    const before = structuredClone({ object, patch });
    t.deepEqual(applyStrategicPatch(schema, podKind, object, JSON.parse(JSON.stringify(patch))), result);
    t.deepEqual({ object, patch }, before);
  });
}

test('the pod of a Deployment is merged as a pod is', (t) => {
  const deployment = (containers: object[]): object => ({ spec: { template: { spec: { containers } } } });
  t.deepEqual(
    applyStrategicPatch(schema, deploymentKind, deployment([{ name: 'a', image: '1' }, { name: 'b' }]), deployment([{ name: 'a', image: '2' }])),
    deployment([{ name: 'a', image: '2' }, { name: 'b' }]),
  );
});

test('switching a Deployment to Recreate takes the rolling update along', (t) => {
  t.deepEqual(
    applyStrategicPatch(
      schema,
      deploymentKind,
      { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } } as object,
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
    ),
    { spec: { strategy: { type: 'Recreate' } } },
  );
});

test('$patch: delete takes all items of the key', (t) => {
  const service = (...protocols: readonly string[]): object => ({ spec: { ports: protocols.map((protocol) => ({ port: 53, protocol })) } });
  const patch = { spec: { ports: [{ port: 53, $patch: 'delete' }] } };
  t.deepEqual(applyStrategicPatch(schema, serviceKind, service('TCP', 'UDP'), patch), service());
});

test('what the patch does not touch is shared, not copied', (t) => {
  const object = { data: { a: 'YQ==' }, metadata: { name: 's' } };
  const result = applyStrategicPatch(schema, secretKind, object, { metadata: { labels: { x: 'y' } } });
  t.is(result.data, object.data);
});

const refused: readonly { readonly title: string; readonly patch: unknown; readonly reason: 'BadRequest' | 'Invalid' }[] = [
  { title: 'a patch that is no object', patch: [], reason: 'BadRequest' },
  { title: 'an unknown directive', patch: { spec: { $patch: 'explode' } }, reason: 'BadRequest' },
  { title: 'an item without its merge key', patch: { spec: { containers: [{ image: 'x' }] } }, reason: 'Invalid' },
  { title: 'an item that is no object', patch: { spec: { containers: ['x'] } }, reason: 'BadRequest' },
  { title: 'an order that misses an item', patch: { spec: { '$setElementOrder/containers': [], containers: named('x') } }, reason: 'BadRequest' },
  { title: 'an order of what is no merged list', patch: { spec: { '$setElementOrder/tolerations': [] } }, reason: 'BadRequest' },
  { title: 'retained keys that miss a field', patch: { spec: { volumes: [{ name: 'v', $retainKeys: [] }] } }, reason: 'BadRequest' },
  { title: 'retained keys that are no list', patch: { spec: { $retainKeys: 'x' } }, reason: 'BadRequest' },
];
for (const { title, patch, reason } of refused) {
  test(`${title} is refused as ${reason}`, (t) => {
    const error = t.throws(() => applyStrategicPatch(schema, podKind, podWith('a'), patch));
    t.true(isApiError(error, reason));
  });
}

test('a strategic patch cannot reach a prototype', (t) => {
  const patch: unknown = JSON.parse('{"__proto__": {"polluted": true}, "metadata": {"labels": {"__proto__": "x"}}}');
  t.is(Object.getPrototypeOf(applyStrategicPatch(schema, podKind, {}, patch)), Object.prototype);
  t.is(({} as { polluted?: boolean }).polluted, undefined);
});

test('a patch of ten thousand items is merged in time that grows with it', (t) => {
  const containers = named(...Array.from({ length: 10_000 }, (_, index) => `c${index}`));
  t.deepEqual(applyStrategicPatch(schema, podKind, { spec: { containers } }, { spec: { containers: containers.toReversed() } }), {
    spec: { containers: containers.toReversed() },
  });
});
