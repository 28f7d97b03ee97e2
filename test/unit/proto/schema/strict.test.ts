import test from 'ava';
import { type ApiError, isApiError } from '../../../../proto/errors.ts';
import { deploymentKind, podKind } from '../../../../proto/kinds.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';
import { decodeObject } from '../../../../proto/schema/strict.ts';

const schema = loadSchema();
const spec = { selector: {}, template: { spec: { containers: [{ name: 'a', imagee: 'b' }] } }, replicaz: 1 };

test('Strict refuses unknown and duplicate fields, naming all', (t) => {
  const error = t.throws<ApiError>(() =>
    decodeObject(schema, deploymentKind, { spec }, { fieldValidation: 'Strict', duplicates: ['spec.replicas'] }),
  );
  t.is(error?.reason, 'BadRequest');
  t.is(
    error?.message,
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' +
      'unknown field "spec.template.spec.containers[0].imagee", unknown field "spec.replicaz", duplicate field "spec.replicas"',
  );
});

test('Warn drops unknown fields and says so', (t) => {
  const warnings: string[] = [];
  const object = decodeObject(schema, deploymentKind, { spec }, {
    fieldValidation: 'Warn',
    duplicates: ['a'],
    warn: (text) => warnings.push(text),
  });
  t.deepEqual(object, { spec: { selector: {}, template: { spec: { containers: [{ name: 'a' }] } } } } as unknown);
  t.deepEqual(warnings, [
    'unknown field "spec.template.spec.containers[0].imagee"',
    'unknown field "spec.replicaz"',
    'duplicate field "a"',
  ]);
});

test('Ignore drops unknown fields in silence, and the sender\'s object stays as it was', (t) => {
  const sent = structuredClone({ spec });
  const object: unknown = decodeObject(schema, deploymentKind, sent, { fieldValidation: 'Ignore', warn: () => t.fail() });
  t.deepEqual(object, { spec: { selector: {}, template: { spec: { containers: [{ name: 'a' }] } } } });
  t.deepEqual(sent, { spec });
});

for (const fieldValidation of ['Strict', 'Warn', 'Ignore'] as const) {
  test(`wrong types are refused with ${fieldValidation}`, (t) => {
    const error = t.throws(() => decodeObject(schema, deploymentKind, { spec: { replicas: 'two' } }, { fieldValidation }));
    t.true(isApiError(error, 'BadRequest'));
    t.is(
      error?.message,
      'Deployment in version "v1" cannot be handled as a Deployment: ' +
        'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    );
  });
}

test('missing fields are left to defaults and validation', (t) => {
  t.notThrows(() => decodeObject(schema, deploymentKind, { spec: {} }, { fieldValidation: 'Strict' }));
});

test('nulls go, and in lists and maps become the empty value', (t) => {
  const object: unknown = decodeObject(
    schema,
    podKind,
    { metadata: { creationTimestamp: null, labels: { a: null } }, spec: { containers: [null, { name: 'b', args: [null] }], affinity: null } },
    { fieldValidation: 'Strict' },
  );
  t.deepEqual(object, { metadata: { labels: { a: '' } }, spec: { containers: [{}, { name: 'b', args: [''] }] } });
});

test('empty lists and maps go, unless they are required; empty structs stay', (t) => {
  const object: unknown = decodeObject(
    schema,
    podKind,
    { metadata: { finalizers: [], labels: {} }, spec: { containers: [], volumes: [{ name: 'v', emptyDir: {} }], tolerations: [] } },
    { fieldValidation: 'Strict' },
  );
  t.deepEqual(object, { metadata: {}, spec: { containers: [], volumes: [{ name: 'v', emptyDir: {} }] } });
});

test('zero values go where they say no more than absence, and stay where they do', (t) => {
  const container = { name: '', image: '', stdin: false, env: [{ name: 'A', value: '' }], ports: [{ containerPort: 0, hostPort: 0 }], securityContext: { runAsUser: 0, privileged: false } };
  const sent = { metadata: { name: 'a', labels: { a: '' } }, spec: { containers: [container], hostNetwork: false, terminationGracePeriodSeconds: 0, nodeName: '' } };
  t.deepEqual(decodeObject<unknown>(schema, podKind, sent, { fieldValidation: 'Strict' }), {
    metadata: { name: 'a', labels: { a: '' } },
    spec: {
      containers: [{ name: '', env: [{ name: 'A' }], ports: [{ containerPort: 0 }], securityContext: { runAsUser: 0, privileged: false } }],
      terminationGracePeriodSeconds: 0,
    },
  });
});

test('quantities become strings', (t) => {
  const object: unknown = decodeObject(schema, podKind, { spec: { overhead: { cpu: 2, memory: '1Gi' } } }, { fieldValidation: 'Strict' });
  t.deepEqual(object, { spec: { overhead: { cpu: '2', memory: '1Gi' } } });
});

test('a tidy object is handed back as it is', (t) => {
  const object = { metadata: { name: 'a', labels: { b: 'c' } }, spec: { containers: [{ name: 'a' }] } };
  t.is(decodeObject(schema, podKind, object, { fieldValidation: 'Strict' }), object);
});

test('a label called __proto__ changes no prototype', (t) => {
  const sent = JSON.parse('{"x": 1, "metadata": {"labels": {"__proto__": "a", "b": null}}}') as { metadata: { labels: object } };
  const { labels } = decodeObject(schema, podKind, sent, { fieldValidation: 'Ignore' }).metadata;
  t.deepEqual(Object.keys(labels), ['__proto__', 'b']);
  t.is(Object.getPrototypeOf(labels), Object.prototype);
});

test('types without a kind of ours can be decoded too', (t) => {
  const options = { group: 'meta', version: 'v1', kind: 'DeleteOptions' };
  const error = t.throws(() => decodeObject(schema, options, { gracePeriodSeconds: 'x' }, { fieldValidation: 'Ignore' }));
  t.regex(error?.message ?? '', /DeleteOptions\.gracePeriodSeconds of type int64/);
});
