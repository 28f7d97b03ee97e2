import test from 'ava';
import { changesOfEvents, changesOfRange } from '../../../../controller/store/changes.ts';
import { encodeJson, encodeValue, storedFrom } from '../../../../controller/store/codec.ts';
import { createKeyParser, storageKey } from '../../../../controller/store/keys.ts';
import type { KvEntry } from '../../../../controller/store/kv.ts';
import { revisionAt, revisionEnd } from '../../../../controller/store/revisions.ts';
import type { Change, Stored } from '../../../../controller/store/stored.ts';
import { configMapKind, deploymentKind, kinds, nodeKind } from '../../../../proto/kinds.ts';
import { configMap } from '../../../fixtures/config-map.ts';

const parse = createKeyParser(kinds);
const entry = (name: string, modRevision: number, place = 0, uid?: string): KvEntry => ({
  key: storageKey(configMapKind, `default/${name}`),
  value: encodeValue(encodeJson(configMap(name, { at: `line\n${modRevision}` }, 'default', uid)), place),
  createRevision: modRevision,
  modRevision,
});
const deletion = (name: string, revision: number) => ({ type: 'delete', key: storageKey(configMapKind, `default/${name}`), revision }) as const;
const put = (one: KvEntry) => ({ type: 'put', entry: one }) as const;
const held = (...entries: KvEntry[]) => {
  const stored = entries.map((one) => storedFrom(configMapKind, one.key.slice(one.key.indexOf('default/')), one.value, one.modRevision));
  const byKey = new Map<string, Stored>(stored.map((one) => [one.key, one]));
  return { stored, present: ({ key }: { key: string }) => byKey.get(key) };
};
const brief = (changes: readonly Change[]) =>
  changes.map(({ type, stored, previous }) => [type, stored.key, stored.revision, previous?.revision ?? 0]);

test('storage keys are read back as kind and key, and foreign ones are not', (t) => {
  for (const [kind, key] of [[configMapKind, 'a/b'], [deploymentKind, 'a/b'], [nodeKind, 'n']] as const) {
    t.deepEqual(parse(storageKey(kind, key)), { kind, key });
  }
  t.is(storageKey(deploymentKind, 'a/b'), '/berth/objects/apps/deployments/a/b');
  for (const key of ['/berth/tick', '/berth/objects/', '/berth/objects/core', '/berth/objects/core/unicorns/a']) t.is(parse(key), undefined);
});

test('a stored object has its revision, and bytes that say the same', (t) => {
  const [stored] = held(entry('a', 7, 3)).stored;
  t.is(stored?.revision, revisionAt(7, 3));
  t.is(stored?.object.metadata.resourceVersion, String(revisionAt(7, 3)));
  t.deepEqual(JSON.parse(String(stored?.bytes)), stored?.object);
  t.is(stored?.bytes, stored?.bytes);
});

test('events become changes with places in their transaction, several of one object in a batch included', (t) => {
  const { present } = held(entry('a', 5), entry('b', 5, 1));
  const { changes, unreadable } = changesOfEvents(
    [put(entry('c', 8)), deletion('a', 8), put(entry('b', 8, 2)), deletion('b', 9), put(entry('b', 10)), deletion('nobody', 11)],
    parse,
    present,
  );
  t.deepEqual(brief(changes), [
    ['ADDED', 'default/c', revisionAt(8, 0), 0],
    ['DELETED', 'default/a', revisionAt(8, 1), revisionAt(5, 0)],
    ['MODIFIED', 'default/b', revisionAt(8, 2), revisionAt(5, 1)],
    ['DELETED', 'default/b', revisionAt(9, 0), revisionAt(8, 2)],
    ['ADDED', 'default/b', revisionAt(10, 0), 0],
  ]);
  t.deepEqual(unreadable, []);
  t.is(changes[1]?.stored.object.metadata.resourceVersion, String(revisionAt(8, 1)), 'a deletion carries the last state at its own revision');
});

test('what is no object is named and left out', (t) => {
  const broken = { ...entry('a', 6), value: Buffer.from('{') };
  t.deepEqual(changesOfEvents([put(broken)], parse, () => undefined), { changes: [], unreadable: [broken.key] });
  t.deepEqual(changesOfRange([broken], 6, parse, () => undefined, []), { changes: [], unreadable: [broken.key] });
});

test('a range read anew becomes exactly the difference, in revision order', (t) => {
  const { stored, present } = held(entry('same', 4), entry('changed', 5), entry('gone', 6), entry('replaced', 7, 0, 'old'));
  const now = [entry('added', 14), entry('changed', 12), entry('replaced', 13, 0, 'new'), entry('same', 4)];
  const { changes } = changesOfRange(now, 20, parse, present, stored);
  t.deepEqual(brief(changes), [
    ['MODIFIED', 'default/changed', revisionAt(12, 0), revisionAt(5, 0)],
    ['DELETED', 'default/replaced', revisionAt(13, 0) - 1, revisionAt(7, 0)],
    ['ADDED', 'default/replaced', revisionAt(13, 0), 0],
    ['ADDED', 'default/added', revisionAt(14, 0), 0],
    ['DELETED', 'default/gone', revisionEnd(20), revisionAt(6, 0)],
  ]);
});
