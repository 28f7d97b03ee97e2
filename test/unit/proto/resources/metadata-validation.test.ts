import test from 'ava';
import { configMapKind, namespaceKind, serviceKind } from '../../../../proto/kinds.ts';
import { brief, checkCreation, checkUpdate, create, type Row } from './rules.ts';

const configMap = () => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' } });
const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' };

const rows: Row[] = [
  ['no name', (o) => void delete o.metadata.name, 'metadata.name Required'],
  ['a name of 300 characters', (o) => void (o.metadata.name = 'a'.repeat(300)), 'metadata.name Invalid'],
  ['upper case', (o) => void (o.metadata.name = 'A'), 'metadata.name Invalid'],
  ['a prefix', (o) => void (o.metadata.generateName = 'a-')],
  ['a bad prefix', (o) => void (o.metadata.generateName = 'A-'), 'metadata.generateName Invalid'],
  ['no namespace', (o) => void delete o.metadata.namespace, 'metadata.namespace Required'],
  ['a bad namespace', (o) => void (o.metadata.namespace = 'a.b'), 'metadata.namespace Invalid'],
  ['labels', (o) => void (o.metadata.labels = { 'example.com/app': 'web', empty: '' })],
  ['a bad label', (o) => void (o.metadata.labels = { 'a b': 'c d' }), 'metadata.labels Invalid', 'metadata.labels Invalid'],
  ['annotations of any text', (o) => void (o.metadata.annotations = { 'Example.com/x': 'any {text}' })],
  ['a bad annotation', (o) => void (o.metadata.annotations = { 'a/b/c': '' }), 'metadata.annotations Invalid'],
  ['annotations over 256 KiB', (o) => void (o.metadata.annotations = { a: 'x'.repeat(262_144) }), 'metadata.annotations TooLong'],
  ['a negative generation', (o) => void (o.metadata.generation = -1), 'metadata.generation Invalid'],
  ['finalizers', (o) => void (o.metadata.finalizers = ['example.com/a', 'foregroundDeletion'])],
  ['an unqualified finalizer', (o) => void (o.metadata.finalizers = ['mine']), 'metadata.finalizers[0] Invalid'],
  ['contradicting finalizers', (o) => void (o.metadata.finalizers = ['orphan', 'foregroundDeletion']), 'metadata.finalizers Invalid'],
  ['an owner', (o) => void (o.metadata.ownerReferences = [{ ...owner, controller: true }, owner])],
  ['an owner without anything', (o) => void (o.metadata.ownerReferences = [{}]), ...['apiVersion', 'kind', 'name', 'uid'].map((field) => `metadata.ownerReferences[0].${field} Invalid`)],
  ['two controllers', (o) => void (o.metadata.ownerReferences = [{ ...owner, controller: true }, { ...owner, controller: true }]), 'metadata.ownerReferences Invalid'],
  ['an event as owner', (o) => void (o.metadata.ownerReferences = [{ ...owner, kind: 'Event' }]), 'metadata.ownerReferences[0] Invalid'],
];

test('metadata of every kind is checked', (t) => checkCreation(t, configMapKind, configMap(), rows));

test('kinds have their own rules for names', (t) => {
  t.deepEqual(brief(create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a.b' } })), ['metadata.name Invalid']);
  t.deepEqual(brief(create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a', namespace: 'b' } })), ['metadata.namespace Forbidden']);
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: '1a', namespace: 'default' }, spec: { ports: [{ port: 80 }] } };
  t.deepEqual(brief(create(serviceKind, service)), ['metadata.name Invalid']);
});

test('what the server owns cannot be changed, and comes back when left out', (t) => {
  const stored = { ...configMap(), metadata: { ...configMap().metadata, uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', generation: 2 } };
  checkUpdate(t, configMapKind, stored, [
    ['nothing', () => undefined],
    ['left out', (o) => void Object.assign(o.metadata, { uid: undefined, creationTimestamp: null, generation: 0 }), 'metadata.generation Invalid'],
    ['labels', (o) => void (o.metadata.labels = { a: 'b' })],
    ['another uid', (o) => void (o.metadata.uid = 'x'), 'metadata.uid Invalid'],
    ['another name', (o) => void (o.metadata.name = 'x'), 'metadata.name Invalid'],
    ['another namespace', (o) => void (o.metadata.namespace = 'x'), 'metadata.namespace Invalid'],
    ['another creation time', (o) => void (o.metadata.creationTimestamp = '2027-01-01T00:00:00Z'), 'metadata.creationTimestamp Invalid'],
    ['a deletion time', (o) => void (o.metadata.deletionTimestamp = '2027-01-01T00:00:00Z'), 'metadata.deletionTimestamp Invalid'],
  ]);
});

test('an object that is being deleted gets no new finalizers', (t) => {
  const stored = { ...configMap(), metadata: { ...configMap().metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['example.com/a'] } };
  checkUpdate(t, configMapKind, stored, [
    ['one less', (o) => void (o.metadata.finalizers = [])],
    ['one more', (o) => void o.metadata.finalizers.push('example.com/b'), 'metadata.finalizers Forbidden'],
  ]);
});
