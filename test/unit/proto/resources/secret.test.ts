import test from 'ava';
import { secretKind } from '../../../../proto/kinds.ts';
import type { Secret } from '../../../../proto/resources/kubernetes.ts';
import { checkCreation, checkUpdate, create, type Row } from './rules.ts';

const secret = (): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'default' }, data: { key: 'dmFsdWU=' } });
const typed = (type: string, stringData: Record<string, string> = {}) => (object: object): void => void Object.assign(object, { type: `kubernetes.io/${type}`, stringData });

const rows: Row[] = [
  ['a bad key', (o) => void (o.data = { 'a/b': '' }), 'data[a/b] Invalid'],
  ['data that is no base64', (o) => void (o.data.key = 'plain text!'), 'data[key] Invalid'],
  ['over 1 MiB', (o) => void (o.stringData = { big: 'x'.repeat(1_048_577) }), 'data TooLong'],
  ['a type of somebody else', (o) => void (o.type = 'helm.sh/release.v1')],
  ['docker config', typed('dockerconfigjson', { '.dockerconfigjson': '{"auths":{}}' })],
  ['no docker config', typed('dockerconfigjson'), 'data[.dockerconfigjson] Required'],
  ['docker config that is no JSON', typed('dockercfg', { '.dockercfg': '{' }), 'data[.dockercfg] Invalid'],
  ['a password alone', typed('basic-auth', { password: 'x' })],
  ['neither user nor password', typed('basic-auth'), 'data[password] Required', 'data[username] Required'],
  ['no key for ssh', typed('ssh-auth'), 'data[ssh-privatekey] Required'],
  ['a certificate without a key', typed('tls', { 'tls.crt': 'x' }), 'data[tls.key] Required'],
  ['a token for nobody', typed('service-account-token'), 'metadata.annotations[kubernetes.io/service-account.name] Required'],
];

test('secrets are checked', (t) => checkCreation(t, secretKind, secret(), rows));

test('plain text becomes data and is not stored beside it', (t) => {
  const object: Secret = { ...secret(), stringData: { key: 'new', other: 'ü' } };
  create(secretKind, object);
  t.deepEqual(object.data, { key: 'bmV3', other: 'w7w=' });
  t.false('stringData' in object);
  t.is(object.type, 'Opaque');
});

test('an error shows nothing of what is secret', (t) => {
  const errors = create(secretKind, { ...secret(), data: { key: 'hunter2 hunter2' } });
  t.is(errors.length, 1);
  t.false(JSON.stringify(errors).includes('hunter2'));
});

test('the type is fixed, and data too once immutable', (t) => {
  checkUpdate(t, secretKind, { ...secret(), immutable: true }, [
    ['the type', (o) => void (o.type = 'other'), 'type Invalid'],
    ['data', (o) => void (o.stringData = { key: 'x' }), 'data Forbidden'],
  ]);
});
