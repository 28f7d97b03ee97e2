import test from 'ava';
import { namespaceKind } from '../../../../proto/kinds.ts';
import type { Namespace } from '../../../../proto/resources/kubernetes.ts';
import { brief, checkCreation, create, update } from './rules.ts';

const namespace = (): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });

const created = (): Namespace => {
  const object = namespace();
  create(namespaceKind, object);
  return object;
};

test('a namespace is born active, held by its finalizer, and labelled with its name', (t) => {
  t.deepEqual(created(), {
    ...namespace(),
    metadata: { name: 'team', labels: { 'kubernetes.io/metadata.name': 'team' } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  });
});

test('namespaces are checked', (t) =>
  checkCreation(t, namespaceKind, namespace(), [
    ['dots in the name', (o) => void (o.metadata.name = 'a.b'), 'metadata.name Invalid'],
    ['another finalizer', (o) => void (o.spec = { finalizers: ['example.com/a'] })],
    ['an unqualified finalizer', (o) => void (o.spec = { finalizers: ['mine'] }), 'spec.finalizers[0] Invalid'],
  ]));

test('only the finalize subresource lets go', (t) => {
  const ordinary: Namespace = { ...created(), spec: {} };
  const final: Namespace = { ...created(), spec: { finalizers: [] } };
  t.deepEqual(update(namespaceKind, ordinary, created()), []);
  t.deepEqual(ordinary.spec?.finalizers, ['kubernetes']);
  t.deepEqual(update(namespaceKind, final, created(), 'finalize'), []);
  t.deepEqual(final.spec?.finalizers, []);
});

test('the phase follows deletion', (t) => {
  const deleted: Namespace = { ...created(), metadata: { ...created().metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const phase = (old: Namespace, value: string): string[] => brief(update(namespaceKind, { ...structuredClone(old), status: { phase: value } }, old, 'status'));
  t.deepEqual(phase(created(), 'Active'), []);
  t.deepEqual(phase(created(), 'Terminating'), ['status.Phase Invalid']);
  t.deepEqual(phase(deleted, 'Terminating'), []);
  t.deepEqual(phase(deleted, 'Active'), ['status.Phase Invalid']);
});
