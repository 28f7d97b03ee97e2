import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type TestFn } from 'ava';
import { UsageError } from '../../../cli/errors.ts';
import { type Manifest, ManifestError, readManifests, refusal } from '../../../cli/manifests.ts';
import { invalid } from '../../../proto/errors.ts';
import { deploymentKind } from '../../../proto/kinds.ts';

const test = anyTest as TestFn<{ dir: string; file: (name: string, text: string) => string }>;

test.beforeEach((t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-manifests-'));
  t.context.dir = dir;
  t.context.file = (name, text) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
});

test.afterEach.always((t) => rmSync(t.context.dir, { recursive: true, force: true }));

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: hello
  labels: { app.kubernetes.io/name: hello }
spec:
  replicas: 2
  selector: { matchLabels: { app: hello } }
  template:
    metadata:
      labels: { app: hello }
    spec:
      containers:
        - name: web
          image: hello:1
`;

const read = (...filename: string[]): readonly Manifest[] => readManifests({ filename, recursive: false });

/** The lines that reading ends with, without the folder. */
const linesOf = (t: { context: { dir: string }; throws: (run: () => unknown, wanted: object) => unknown }, ...filename: string[]): string[] => {
  const error = t.throws(() => read(...filename), { instanceOf: ManifestError }) as ManifestError;
  return error.lines.map((line) => line.replaceAll(`${t.context.dir}/`, ''));
};

test('every field of an object knows its line and column', (t) => {
  const [manifest] = read(t.context.file('a.yaml', deployment)) as [Manifest];
  const at = (path: string, ofValue?: boolean): string => manifest.at(path, ofValue).replace(`${t.context.dir}/`, '');
  t.is(manifest.name, 'hello');
  t.is(at('spec.replicas'), 'a.yaml:7:3');
  t.is(at('spec.replicas', true), 'a.yaml:7:13');
  t.is(at('spec.template.spec.containers[0].image'), 'a.yaml:15:11');
  t.is(at('metadata.labels.app.kubernetes.io/name'), 'a.yaml:5:13');
  t.is(at('metadata.labels[app.kubernetes.io/name]'), 'a.yaml:5:13');
  t.is(at('spec.template.spec.nothing.here'), 'a.yaml:12:5');
});

test('an unknown field is told where it stands, with the nearest real name', (t) => {
  const file = t.context.file('hello.yaml', deployment.replace('image:', 'imagee:'));
  t.deepEqual(linesOf(t, file), ['hello.yaml:15:11: spec.template.spec.containers[0].imagee: unknown field; did you mean "image"?']);
});

test('a value of the wrong type is told where the value stands', (t) => {
  const file = t.context.file('hello.yaml', deployment.replace('replicas: 2', 'replicas: two'));
  t.deepEqual(linesOf(t, file), ['hello.yaml:7:13: spec.replicas: it has to be a whole number, not string']);
});

test('everything wrong with all files is told at once', (t) => {
  const { file } = t.context;
  const lines = linesOf(t, file('a.yaml', deployment.replace('replicas', 'replica')), file('b.yaml', 'kind: Deploymint\napiVersion: apps/v1\n'), file('c.yaml', '- 1\n'));
  t.deepEqual(lines, [
    'a.yaml:7:3: spec.replica: unknown field; did you mean "replicas"?',
    'b.yaml:1:7: kind: there is no kind "Deploymint" in apps/v1; did you mean "Deployment"?',
    'c.yaml:1:1: an object is expected: fields with values, such as "kind: Deployment"',
  ]);
});

test('broken YAML is told with its line and column', (t) => {
  t.deepEqual(linesOf(t, t.context.file('a.yaml', 'kind: Pod\nmetadata:\n  name: a\n bad: b\n')).map((line) => line.replace(/: [A-Z].*/, '')), ['a.yaml:4:1']);
  t.regex(linesOf(t, t.context.file('b.yaml', 'a: 1\na: 2\n'))[0] ?? '', /^b\.yaml:2:1: .*unique/);
});

test('a version in which there is no such kind is told, with the right one', (t) => {
  t.deepEqual(linesOf(t, t.context.file('a.yaml', 'kind: Deployment\napiVersion: extensions/v1beta1\n')), [
    'a.yaml:2:13: apiVersion: there is no Deployment in extensions/v1beta1; it is in apps/v1',
  ]);
});

test('what is missing is told', (t) => {
  const { file } = t.context;
  t.deepEqual(linesOf(t, file('a.yaml', 'metadata: { name: a }\n')), ['a.yaml:1:1: kind: it is missing; say what this is, such as "kind: Deployment"']);
  t.deepEqual(linesOf(t, file('b.yaml', 'kind: ConfigMap\napiVersion: v1\nmetadata: {}\n')), ['b.yaml:3:1: metadata.name: it is missing']);
  t.deepEqual(linesOf(t, file('c.yaml', '---\n# nothing\n---\n')), ['c.yaml: there is no object in it']);
  t.deepEqual(linesOf(t, join(t.context.dir, 'none.yaml')), ['none.yaml: there is no such file or folder']);
  t.throws(() => read(), { instanceOf: UsageError });
});

test('documents and items of a List are objects of their own', (t) => {
  const list = 'apiVersion: v1\nkind: List\nitems:\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: b } }\n- { apiVersion: v1, kind: ConfigMap, metadata: { name: c }, dat: {} }\n';
  t.deepEqual(linesOf(t, t.context.file('a.yaml', `${deployment}---\n${list}`)), ['a.yaml:21:61: dat: unknown field; did you mean "data"?']);
  t.deepEqual(read(t.context.file('b.yaml', `${deployment}---\n${list.replace(', dat: {}', '')}`)).map(({ name }) => name), ['hello', 'b', 'c']);
});

test('folders give their YAML and JSON files, and those below them when asked', (t) => {
  const { dir, file } = t.context;
  mkdirSync(join(dir, 'below'));
  const map = (name: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"${name}"}}`;
  file('b.json', map('b'));
  file('a.yml', map('a'));
  file('notes.txt', 'no manifest');
  file('below/c.yaml', map('c'));
  t.deepEqual(readManifests({ filename: [dir], recursive: false }).map(({ name }) => name), ['a', 'b']);
  t.deepEqual(readManifests({ filename: [dir], recursive: true }).map(({ name }) => name), ['a', 'b', 'c']);
});

test('YAML is read as kubectl reads it', (t) => {
  const text = 'apiVersion: v1\nkind: Pod\nmetadata: { name: a, annotations: { at: 12:30:45, on-day: 2026-01-01 } }\nspec:\n  hostNetwork: yes\n  containers: [{ name: a }]\n  volumes: [{ name: v, secret: { secretName: s, defaultMode: 0644 } }, { name: w, secret: { secretName: s, defaultMode: 0o600 } }]\n';
  const [manifest] = read(t.context.file('a.yaml', text)) as [Manifest];
  t.like(manifest.object, { metadata: { annotations: { at: '12:30:45', 'on-day': '2026-01-01' } }, spec: { hostNetwork: true, volumes: [{ secret: { defaultMode: 420 } }, { secret: { defaultMode: 384 } }] } });
});

test('aliases that would explode are refused', (t) => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`).join('\n')}\n`;
  t.regex(linesOf(t, t.context.file('a.yaml', bomb))[0] ?? '', /^a\.yaml:1:1: .*alias/i);
});

test('what is nested too deeply is refused', (t) => {
  t.regex(linesOf(t, t.context.file('a.yaml', '['.repeat(200_000)))[0] ?? '', /^a\.yaml:1:\d+: it is nested too deeply$/);
});

test('the server’s causes are put where they belong in the file', (t) => {
  const [manifest] = read(t.context.file('a.yaml', deployment)) as [Manifest];
  const error = invalid(deploymentKind, 'hello', [
    { reason: 'FieldValueInvalid', field: 'spec.replicas', message: 'Invalid value: 2: it is too small' },
    { reason: 'FieldValueRequired', field: 'spec.template.spec.containers[0].ports', message: 'Required value' },
  ]);
  t.deepEqual(refusal(manifest, error).lines.map((line) => line.replace(`${t.context.dir}/`, '')), [
    'a.yaml:7:13: spec.replicas: Invalid value: 2: it is too small',
    'a.yaml:14:11: spec.template.spec.containers[0].ports: Required value',
  ]);
});
