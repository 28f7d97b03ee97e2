import test from 'ava';
import { deploymentKind, kinds, leaseKind, podKind, secretKind, serviceKind } from '../../../../proto/kinds.ts';
import { loadDescriptions, loadSchema } from '../../../../proto/schema/schema.ts';
import type { Shape } from '../../../../proto/schema/shape.ts';

const schema = loadSchema();

const deployment = (spec: object): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    ...spec,
  },
});

const pod = (spec: object): object => ({ apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { containers: [{ name: 'a' }], ...spec } });

test('every served kind and its list have a type', (t) => {
  for (const kind of kinds) {
    t.truthy(schema.typeOf(kind), kind.kind);
    t.truthy(schema.typeOf({ ...kind, kind: `${kind.kind}List` }), `${kind.kind}List`);
  }
});

test('every type that a field refers to is there, and none refers to itself', (t) => {
  const refs = (shape: Shape): string[] => {
    if ('ref' in shape) return [shape.ref];
    if ('array' in shape) return refs(shape.array);
    return 'map' in shape ? refs(shape.map) : [];
  };
  const visit = (name: string, above: readonly string[]): void => {
    const type = schema.types.get(name);
    t.truthy(type, `${name} below ${above.join(' > ')}`);
    t.false(above.includes(name), `${name} contains itself`);
    for (const shape of type?.fields.values() ?? []) for (const ref of refs(shape)) visit(ref, [...above, name]);
  };
  for (const kind of kinds) visit(schema.typeOf(kind)?.name ?? '', []);
});

test('types bear the names of Kubernetes\' OpenAPI', (t) => {
  for (const name of [
    'io.k8s.api.apps.v1.DeploymentSpec',
    'io.k8s.api.core.v1.PodTemplateSpec',
    'io.k8s.api.core.v1.Event',
    'io.k8s.api.coordination.v1.Lease',
    'io.k8s.api.autoscaling.v1.Scale',
    'io.k8s.api.policy.v1.Eviction',
    'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
    'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions',
  ]) {
    t.true(schema.types.has(name), name);
  }
});

test('a good object has no problems', (t) => {
  t.deepEqual(schema.check(deploymentKind, deployment({ replicas: 2 })), []);
});

test('an unknown field is named by its path, with the name that was probably meant', (t) => {
  t.deepEqual(schema.check(deploymentKind, deployment({ replicaz: 2 })), [
    { problem: 'unknown', path: 'spec.replicaz', type: 'DeploymentSpec', nearest: 'replicas' },
  ]);
  const [problem] = schema.check(podKind, pod({ containers: [{ name: 'a' }, { name: 'b', xyzzyxyzzy: 1 }] }));
  t.deepEqual(problem, { problem: 'unknown', path: 'spec.containers[1].xyzzyxyzzy', type: 'Container' });
});

test('a wrong type names path, struct, what was expected and what was there', (t) => {
  t.deepEqual(schema.check(deploymentKind, deployment({ replicas: 'two' })), [
    { problem: 'wrong', path: 'spec.replicas', type: 'DeploymentSpec', expected: 'int32', got: 'string' },
  ]);
  t.deepEqual(schema.check(podKind, pod({ containers: {} })), [
    { problem: 'wrong', path: 'spec.containers', type: 'PodSpec', expected: '[]v1.Container', got: 'object' },
  ]);
});

const scalars: readonly { readonly title: string; readonly spec: object; readonly good: boolean }[] = [
  { title: 'an int32 takes an integer', spec: { priority: 5 }, good: true },
  { title: 'an int32 takes no fraction', spec: { priority: 1.5 }, good: false },
  { title: 'an int32 takes nothing beyond 31 bits', spec: { priority: 2 ** 31 }, good: false },
  { title: 'an int64 goes beyond 31 bits', spec: { terminationGracePeriodSeconds: 2 ** 40 }, good: true },
  { title: 'an int64 is a number that comes back as it was', spec: { terminationGracePeriodSeconds: 2 ** 63 }, good: false },
  { title: 'a boolean takes no string', spec: { hostNetwork: 'true' }, good: false },
  { title: 'a string takes no number', spec: { nodeName: 1 }, good: false },
  { title: 'a map takes no list', spec: { nodeSelector: ['a'] }, good: false },
  { title: 'a map of strings takes no number', spec: { nodeSelector: { a: 1 } }, good: false },
  { title: 'a quantity may be a string', spec: { overhead: { cpu: '250m', memory: '1.5Gi' } }, good: true },
  { title: 'a quantity may be a number', spec: { overhead: { cpu: 0.5 } }, good: true },
  { title: 'a quantity must be one', spec: { overhead: { cpu: 'much' } }, good: false },
  { title: 'null is as absent', spec: { nodeName: null, priority: null, affinity: null }, good: true },
];
for (const { title, spec, good } of scalars) {
  test(title, (t) => {
    t.is(schema.check(podKind, pod(spec)).length, good ? 0 : 1);
  });
}

test('a port may be a number or a name, and nothing else', (t) => {
  const service = (targetPort: unknown): object => ({ spec: { ports: [{ port: 80, targetPort }] } });
  t.deepEqual(schema.check(serviceKind, service(8080)), []);
  t.deepEqual(schema.check(serviceKind, service('http')), []);
  t.is(schema.check(serviceKind, service(1.5)).length, 1);
  t.is(schema.check(serviceKind, service(true)).length, 1);
});

test('data of a Secret must be base64, and is not quoted when it is not', (t) => {
  t.deepEqual(schema.check(secretKind, { data: { a: 'aGk=' } }), []);
  const problems = schema.check(secretKind, { data: { a: 'hunter2!' } });
  t.is(problems.length, 1);
  t.notRegex(JSON.stringify(problems), /hunter2/);
});

test('times must be RFC 3339', (t) => {
  const at = (creationTimestamp: unknown): number => schema.check(podKind, { metadata: { creationTimestamp } }).length;
  t.is(at('2026-01-02T03:04:05Z'), 0);
  t.is(at('2026-01-02T03:04:05.678+02:00'), 0);
  t.is(at('yesterday'), 1);
  for (const text of ['2026-13-02T03:04:05Z', '2026-02-29T03:04:05Z', '2026-01-02T24:00:00Z', '2026-01-02T03:04:60Z', '2026-01-02t03:04:05z']) {
    t.is(at(text), 1, text);
  }
  t.is(at('2028-02-29T03:04:05Z'), 0);
});

test('a MicroTime has six digits after the second', (t) => {
  const at = (renewTime: unknown): number => schema.check(leaseKind, { spec: { renewTime } }).length;
  t.is(at('2026-01-02T03:04:05.123456Z'), 0);
  t.is(at('2026-01-02T03:04:05Z'), 1);
  t.is(at('2026-01-02T03:04:05.123Z'), 1);
});

test('missing required fields are named', (t) => {
  t.deepEqual(schema.check(deploymentKind, { spec: { selector: {} } }), [
    { problem: 'missing', path: 'spec.template', type: 'DeploymentSpec' },
  ]);
});

test('keys that JavaScript knows are ordinary unknown fields', (t) => {
  const object: unknown = JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "metadata": {"labels": {"__proto__": "x"}}}');
  t.deepEqual(schema.check(podKind, object).map(({ path }) => path), ['__proto__', 'constructor']);
});

test('what is no object at all is a wrong type', (t) => {
  for (const value of [null, 1, 'x', []]) t.is(schema.check(podKind, value)[0]?.problem, 'wrong');
});

test('problems are counted only so far', (t) => {
  const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]));
  t.is(schema.check(podKind, fields).length, 100);
});

test('a wrong type is found behind any number of unknown fields', (t) => {
  const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]));
  t.like(schema.check(podKind, { ...fields, spec: 5 }).at(-1), { problem: 'wrong', path: 'spec' });
});

test('the fields of a type can be listed, by its short name too', (t) => {
  t.true(schema.fieldsOf('core.v1.PodSpec').includes('containers'));
  t.deepEqual(schema.fieldsOf('core.v1.Nothing'), []);
});

test('every type has a description of its fields', (t) => {
  const descriptions = loadDescriptions();
  for (const name of schema.types.keys()) t.true(Object.hasOwn(descriptions, name), name);
  t.regex(descriptions['io.k8s.api.apps.v1.DeploymentSpec']?.properties['replicas'] ?? '', /pods/);
});
