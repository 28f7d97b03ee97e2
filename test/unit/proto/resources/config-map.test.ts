import test from 'ava';
import { configMapKind } from '../../../../proto/kinds.ts';
import { base64Bytes } from '../../../../proto/resources/config-map.ts';
import type { ConfigMap } from '../../../../proto/resources/kubernetes.ts';
import { checkCreation, checkUpdate, type Row } from './rules.ts';

const configMap = (): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { key: 'value' } });

const rows: Row[] = [
  ['text and bytes', (o) => void (o.binaryData = { other: 'AAEC' })],
  ['bad keys', (o) => void Object.assign(o, { data: { 'a/b': '' }, binaryData: { '..': '' } }), 'binaryData[..] Invalid', 'data[a/b] Invalid'],
  ['a key in both', (o) => void (o.binaryData = { key: '' }), 'data[key] Invalid'],
  ['bytes that are no base64', (o) => void (o.binaryData = { other: '?' }), 'binaryData[other] Invalid'],
  ['just 1 MiB', (o) => void (o.data = { key: 'x'.repeat(1_048_576) })],
  ['over 1 MiB', (o) => void (o.data = { key: 'x'.repeat(1_048_577) }), ' TooLong'],
];

test('config maps are checked', (t) => checkCreation(t, configMapKind, configMap(), rows));

test('what is immutable stays', (t) => {
  checkUpdate(t, configMapKind, configMap(), [['other data', (o) => void (o.data.key = 'x')], ['made immutable', (o) => void (o.immutable = true)]]);
  checkUpdate(t, configMapKind, { ...configMap(), immutable: true }, [
    ['labels', (o) => void (o.metadata.labels = { a: 'b' })],
    ['other data', (o) => void (o.data.key = 'x'), 'data Forbidden'],
    ['new bytes', (o) => void (o.binaryData = { b: '' }), 'binaryData Forbidden'],
    ['made mutable', (o) => void delete o.immutable, 'immutable Forbidden'],
  ]);
});

test('base64 is measured without decoding it', (t) => {
  for (const text of ['', 'a', 'ab', 'abc', 'abcd\u00fc']) t.is(base64Bytes(Buffer.from(text).toString('base64')), Buffer.byteLength(text));
  t.is(base64Bytes('YWJj\nZGVm\n'), 6);
  for (const text of ['a', 'ab', 'abc', 'ab=c', '====', 'a b=']) t.is(base64Bytes(text), undefined, text);
});
