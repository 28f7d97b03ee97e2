import test from 'ava';
import { isApiError } from '../../../../proto/errors.ts';
import { applyMergePatch } from '../../../../proto/resources/patch-merge.ts';

// The examples of RFC 7386, appendix A, whose patch is an object.
const examples: readonly (readonly [object: unknown, patch: unknown, result: unknown])[] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

for (const [object, patch, result] of examples) {
  test(`${JSON.stringify(object)} patched with ${JSON.stringify(patch)} is ${JSON.stringify(result)}`, (t) => {
    const before = structuredClone(object);
    t.deepEqual(applyMergePatch(object, patch), result);
    t.deepEqual(object, before);
  });
}

test('a merge patch that is no object is refused', (t) => {
  for (const patch of [null, [], 'x', 1]) {
    const error = t.throws(() => applyMergePatch({}, patch));
    t.true(isApiError(error, 'BadRequest'));
  }
});

test('a merge patch cannot reach a prototype', (t) => {
  const result = applyMergePatch({}, JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}'));
  t.is(Object.getPrototypeOf(result), Object.prototype);
  t.is(({} as { polluted?: boolean }).polluted, undefined);
});

test('a merge patch that is nested without end is refused', (t) => {
  let patch: object = {};
  for (let level = 0; level < 50_000; level += 1) patch = { a: patch };
  const error = t.throws(() => applyMergePatch({}, patch));
  t.true(isApiError(error, 'BadRequest'));
});
