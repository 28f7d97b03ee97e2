import test from 'ava';
import { blocks, disowned, fateOf, type OwnerState, withoutFinalizer } from '../../../../controller/workloads/owner-graph.ts';
import type { KubeObject, OwnerReference } from '../../../../proto/resources/kubernetes.ts';

const reference = (uid: string, more: Partial<OwnerReference> = {}): OwnerReference => ({ apiVersion: 'v1', kind: 'ConfigMap', name: uid, uid, ...more });
const object = (finalizers: string[] = [], ownerReferences: OwnerReference[] = []): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'o', ...(finalizers.length > 0 ? { finalizers } : {}), ...(ownerReferences.length > 0 ? { ownerReferences } : {}) },
});
const owners = (...states: OwnerState[]) => states.map((state, at) => ({ reference: reference(`u${at}`), state }));

test('an object without owners, or with one that stays, is kept', (t) => {
  t.deepEqual(fateOf(object(), [], false), { type: 'keep' });
  t.deepEqual(fateOf(object(), owners('solid', 'solid'), true), { type: 'keep' });
});

test('owners that are gone are forgotten when others stay', (t) => {
  t.deepEqual(fateOf(object(), owners('solid', 'absent', 'waiting'), false), { type: 'disown', uids: ['u1', 'u2'] });
});

test('an object whose owners are all gone goes the way that its finalizers ask for', (t) => {
  t.deepEqual(fateOf(object(), owners('absent', 'absent'), true), { type: 'delete', policy: 'Background' });
  t.deepEqual(fateOf(object(['orphan']), owners('absent'), true), { type: 'delete', policy: 'Orphan' });
  t.deepEqual(fateOf(object(['foregroundDeletion']), owners('absent'), true), { type: 'delete', policy: 'Foreground' });
});

test('an owner that waits is waited for all the way down', (t) => {
  t.deepEqual(fateOf(object(), owners('waiting'), true), { type: 'delete', policy: 'Foreground' });
  t.deepEqual(fateOf(object(), owners('waiting', 'absent'), false), { type: 'delete', policy: 'Background' });
});

test('references and finalizers are taken away one by one', (t) => {
  const both = object(['orphan', 'mine'], [reference('u0', { blockOwnerDeletion: true }), reference('u1')]);
  t.deepEqual(disowned(both, ['u0']).metadata.ownerReferences, [reference('u1')]);
  t.false('ownerReferences' in disowned(both, ['u0', 'u1']).metadata);
  t.deepEqual(withoutFinalizer(both, 'orphan')?.metadata.finalizers, ['mine']);
  t.is(withoutFinalizer(both, 'other'), undefined);
  t.true(blocks(both, 'u0'));
  t.false(blocks(both, 'u1'));
});
