import test from 'ava';
import { isApiError } from '../../../../proto/errors.ts';
import { applyJsonPatch } from '../../../../proto/resources/patch-json.ts';

const object = { metadata: { labels: { a: 'b' } }, spec: { list: [1, 2, 3], secret: 'hunter2' } };

test('operations apply in order, and the object stays as it was', (t) => {
  const before = structuredClone(object);
  const result: unknown = applyJsonPatch(object, [
    { op: 'test', path: '/metadata/labels/a', value: 'b' },
    { op: 'add', path: '/metadata/labels/c~1d', value: 'e' },
    { op: 'add', path: '/spec/list/-', value: 4 },
    { op: 'remove', path: '/spec/list/0' },
    { op: 'move', from: '/spec/secret', path: '/spec/moved' },
    { op: 'copy', from: '/metadata/labels', path: '/copied' },
    { op: 'replace', path: '/metadata/labels/a', value: 'z' },
  ]);
  t.deepEqual(result, {
    metadata: { labels: { a: 'z', 'c/d': 'e' } },
    spec: { list: [2, 3, 4], moved: 'hunter2' },
    copied: { a: 'b', 'c/d': 'e' },
  });
  t.deepEqual(object, before);
});

test('a value that is added and then changed stays as it was in the patch', (t) => {
  const patch = [{ op: 'add', path: '/x', value: { a: 1 } }, { op: 'add', path: '/x/b', value: 2 }];
  t.deepEqual(applyJsonPatch({}, patch) as unknown, { x: { a: 1, b: 2 } });
  t.deepEqual(patch[0], { op: 'add', path: '/x', value: { a: 1 } });
});

const failing: Readonly<Record<string, object>> = {
  'a test that does not hold': { op: 'test', path: '/spec/secret', value: 'x' },
  'removing what is not there': { op: 'remove', path: '/spec/nothing' },
  'replacing what is not there': { op: 'replace', path: '/spec/nothing', value: 1 },
  'a parent that is not there': { op: 'add', path: '/a/b/c', value: 1 },
  'an index beyond the list': { op: 'add', path: '/spec/list/9', value: 1 },
  'an index that is none': { op: 'add', path: '/spec/list/x', value: 1 },
  'moving what is not there': { op: 'move', from: '/nothing', path: '/a' },
  'a path through a prototype': { op: 'add', path: '/__proto__/polluted', value: 1 },
};
for (const [title, operation] of Object.entries(failing)) {
  test(`${title} fails the whole patch`, (t) => {
    const error = t.throws(() => applyJsonPatch(object, [{ op: 'add', path: '/first', value: 1 }, operation]));
    t.true(isApiError(error, 'Invalid'));
    t.notRegex(error?.message ?? '', /hunter2/);
    t.false('first' in object);
  });
}

const malformed: Readonly<Record<string, unknown>> = {
  'a patch that is no list': { op: 'add', path: '/a', value: 1 },
  'an operation that is no object': [1],
  'an unknown op': [{ op: 'frobnicate', path: '/a' }],
  'an op of the prototype': [{ op: 'constructor', path: '/a' }],
  'a path that is no pointer': [{ op: 'remove', path: 'a' }],
  'an addition without a value': [{ op: 'add', path: '/a' }],
  'a move from nowhere': [{ op: 'move', path: '/a' }],
};
for (const [title, patch] of Object.entries(malformed)) {
  test(`${title} is a bad request`, (t) => {
    const error = t.throws(() => applyJsonPatch(object, patch));
    t.true(isApiError(error, 'BadRequest'));
  });
}

test('more than 10,000 operations are too many', (t) => {
  const error = t.throws(() => applyJsonPatch({}, Array.from({ length: 10_001 }, () => ({ op: 'add', path: '/a', value: 1 }))));
  t.true(isApiError(error, 'RequestEntityTooLarge'));
});

test('a document that is copied into itself again and again is refused', (t) => {
  const doubling = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '', path: `/copy${index}` }));
  const error = t.throws(() => applyJsonPatch({ a: 'x'.repeat(100) }, doubling));
  t.true(isApiError(error, 'RequestEntityTooLarge'));
});

test('operations that stack levels without end are refused', (t) => {
  const stacking = Array.from({ length: 1_000 }, (_, index) => [
    { op: 'add', path: '/next', value: {} },
    { op: 'move', from: '/top', path: '/next/top' },
    { op: 'move', from: '/next', path: '/top' },
    { op: 'add', path: '/round', value: index },
  ]).flat();
  const error = t.throws(() => applyJsonPatch({ top: {} }, stacking));
  t.true(isApiError(error, 'BadRequest'));
});
