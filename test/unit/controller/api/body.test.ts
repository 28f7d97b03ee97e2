import test from 'ava';
import { BodyDecoder } from '../../../../controller/api/body.ts';
import { type Reason, isApiError } from '../../../../proto/errors.ts';
import { loadSchema } from '../../../../proto/schema/schema.ts';

const decoder = new BodyDecoder(loadSchema());
const decode = (text: string, contentType?: string): ReturnType<BodyDecoder['decode']> => decoder.decode(Buffer.from(text), contentType);

test('JSON is the content type of bodies that have none', async (t) => {
  t.deepEqual(await decode('{"a": [1, "x", null]}'), { value: { a: [1, 'x', null] }, duplicates: [] });
});

for (const type of ['application/json', 'Application/JSON; charset=utf-8', 'application/merge-patch+json', 'application/json-patch+json', 'application/strategic-merge-patch+json']) {
  test(`${type} is JSON`, async (t) => {
    t.deepEqual((await decode('[1]', type)).value, [1]);
  });
}

for (const type of ['application/yaml', 'application/apply-patch+yaml']) {
  test(`${type} is YAML`, async (t) => {
    t.deepEqual((await decode('a:\n- b: 1\n  c: yes\n', type)).value, { a: [{ b: 1, c: 'yes' }] });
  });
}

test('an empty body is no value', async (t) => {
  for (const type of [undefined, 'application/yaml', 'application/vnd.kubernetes.protobuf']) t.is((await decode('', type)).value, undefined);
});

test('fields given twice are named, the last one counts', async (t) => {
  t.deepEqual(await decode('{"a": {"b": [{}, {"c": 1, "c": 2}]}, "d": "{\\"d\\": 1}", "\\u0064": 3}'), {
    value: { a: { b: [{}, { c: 2 }] }, d: 3 },
    duplicates: ['a.b[1].c', 'd'],
  });
  t.deepEqual(await decode('a:\n  b:\n  - c: 1\n    c: 2\nd: 1\nd: 2\n', 'application/yaml'), {
    value: { a: { b: [{ c: 2 }] }, d: 2 },
    duplicates: ['a.b[0].c', 'd'],
  });
});

test('the same key in two objects is no duplicate', async (t) => {
  t.deepEqual((await decode('{"a": {"x": 1}, "b": {"x": 1}, "c": [{"x": 1}, {"x": 1}], "x": "a"}')).duplicates, []);
});

test('__proto__ in a body is a key like others', async (t) => {
  const { value } = await decode('{"__proto__": {"polluted": true}}');
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.deepEqual(Object.keys(value as object), ['__proto__']);
});

const refused: readonly { readonly title: string; readonly text: string; readonly type?: string; readonly reason: Reason; readonly message: RegExp }[] = [
  { title: 'truncated JSON', text: '{"a": {"b": 1', reason: 'BadRequest', message: /position 13/ },
  { title: 'a truncated string', text: '{"a": "hunter2', reason: 'BadRequest', message: /position 14/ },
  { title: 'JSON with a stray word', text: '{"a": hunter2}', reason: 'BadRequest', message: /position 6/ },
  { title: '100,000 nested arrays', text: '['.repeat(100_000), reason: 'BadRequest', message: /deeper than 200 levels, at position 200/ },
  { title: '100,000 nested objects', text: '{"a":'.repeat(100_000), reason: 'BadRequest', message: /deeper than 200/ },
  { title: 'truncated YAML', text: 'a: [1', type: 'application/yaml', reason: 'BadRequest', message: /position 5/ },
  { title: 'two YAML documents', text: 'a: 1\n---\nb: 2\n', type: 'application/yaml', reason: 'BadRequest', message: /more than one/ },
  { title: '100,000 nested YAML lists', text: '['.repeat(100_000), type: 'application/yaml', reason: 'BadRequest', message: /nested too deep/ },
  { title: 'YAML dashes without end', text: '- '.repeat(100_000), type: 'application/yaml', reason: 'BadRequest', message: /nested too deep/ },
  { title: 'YAML of 300 levels', text: `${'{a: '.repeat(300)}1${'}'.repeat(300)}`, type: 'application/yaml', reason: 'BadRequest', message: /nested deeper than 200/ },
  { title: 'more than a megabyte of YAML', text: `a: ${'x'.repeat(1024 * 1024)}`, type: 'application/yaml', reason: 'RequestEntityTooLarge', message: /1048576/ },
  { title: 'a form', text: 'a=b', type: 'application/x-www-form-urlencoded', reason: 'UnsupportedMediaType', message: /application\/json/ },
  { title: 'CBOR', text: 'x', type: 'application/cbor', reason: 'UnsupportedMediaType', message: /application\/yaml/ },
];
for (const { title, text, type, reason, message } of refused) {
  test(`${title} is refused as ${reason}`, async (t) => {
    const error = await t.throwsAsync(decode(text, type));
    t.true(isApiError(error, reason), String(error));
    t.regex(error?.message ?? '', message);
    t.notRegex(error?.message ?? '', /hunter2/);
  });
}

test('YAML aliases that unfold to millions of nodes are refused', async (t) => {
  const letters = [...'abcdefghi'];
  const lines = letters.map((letter, index) => {
    const items = index === 0 ? Array.from({ length: 9 }, () => 'x') : Array.from({ length: 9 }, () => `*${letters[index - 1]}`);
    return `${letter}: &${letter} [${items.join(', ')}]`;
  });
  const error = await t.throwsAsync(decode(lines.join('\n'), 'application/yaml'));
  t.true(isApiError(error, 'BadRequest'));
});

test('a handful of YAML aliases and merge keys is fine', async (t) => {
  const { value } = await decode('a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  l: 2\n', 'application/yaml');
  t.deepEqual(value, { a: { k: 1 }, b: { k: 1 }, c: { k: 1, l: 2 } });
});
