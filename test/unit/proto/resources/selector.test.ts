import test from 'ava';
import { isApiError } from '../../../../proto/errors.ts';
import { matches, matchesSelector, parseFieldSelector, parseLabelSelector, requirementsOf, selectorText } from '../../../../proto/resources/selector.ts';

test('every operator of the query form selects what it says', (t) => {
  const labels = { app: 'web', tier: 'front', 'example.com/size': '3' };
  const rows: [string, boolean][] = [
    ['', true], ['app=web', true], ['app==web', true], ['app=db', false], ['app!=db', true], ['app!=web', false], ['missing!=x', true],
    ['app in (db, web)', true], ['app in (db)', false], ['app notin (db)', true], ['missing notin (db)', true], ['app notin (web,db)', false],
    ['app', true], ['missing', false], ['!missing', true], ['!app', false], ['example.com/size>2', true], ['example.com/size<3', false],
    ['app=web,tier in (front,back),!missing', true], ['app=web,tier=back', false], ['missing=', false],
  ];
  for (const [text, expected] of rows) t.is(matches(parseLabelSelector(text), labels), expected, text);
});

test('broken selectors are bad requests', (t) => {
  for (const text of ['a in', 'a in (x', 'a=(x)', '=b', 'a=b=c', 'a b', 'a,,b', 'a in (x))', '-a=b', 'a=-', 'a>x', `${'k'.repeat(64)}=v`]) {
    const error = t.throws(() => parseLabelSelector(text), undefined, text);
    t.true(isApiError(error, 'BadRequest'), text);
  }
});

test('no selector selects nothing, an empty one everything', (t) => {
  t.false(matchesSelector(undefined, {}));
  t.false(matchesSelector(null, { a: 'b' }));
  t.true(matchesSelector({}, undefined));
});

test('labels that every object inherits do not count', (t) => {
  t.false(matches(parseLabelSelector('constructor'), {}));
});

test('the object form has the same operators', (t) => {
  const selector = {
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['front', 'back'] },
      { key: 'old', operator: 'DoesNotExist' },
    ],
  };
  t.true(matchesSelector(selector, { app: 'web', tier: 'back' }));
  t.false(matchesSelector(selector, { app: 'web', tier: 'back', old: '' }));
  t.false(matches(requirementsOf({ matchExpressions: [{ key: 'a', operator: 'Like', values: ['b'] }] }), { a: 'b' }));
});

test('the text of a selector reads back as the same selector', (t) => {
  const selector = {
    matchLabels: { b: '1', a: '2' },
    matchExpressions: [
      { key: 'c', operator: 'NotIn', values: ['z', 'y'] },
      { key: 'd', operator: 'Exists' },
      { key: 'e', operator: 'DoesNotExist' },
    ],
  };
  t.is(selectorText(selector), 'a=2,b=1,c notin (y,z),d,!e');
  t.deepEqual(parseLabelSelector(selectorText({ matchLabels: { a: '2' } })), requirementsOf({ matchLabels: { a: '2' } }));
  t.is(selectorText(undefined), '');
});

test('field selectors know both signs and escapes', (t) => {
  t.deepEqual(parseFieldSelector('spec.nodeName=n1,status.phase!=Failed,a==b'), [
    { field: 'spec.nodeName', value: 'n1', negated: false },
    { field: 'status.phase', value: 'Failed', negated: true },
    { field: 'a', value: 'b', negated: false },
  ]);
  t.deepEqual(parseFieldSelector('a=x\\,y\\=z\\\\'), [{ field: 'a', value: 'x,y=z\\', negated: false }]);
  t.deepEqual(parseFieldSelector(''), []);
  for (const text of ['a', 'a=\\x', '=b']) t.true(isApiError(t.throws(() => parseFieldSelector(text)), 'BadRequest'), text);
});
