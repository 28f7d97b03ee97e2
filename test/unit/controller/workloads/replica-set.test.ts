import test from 'ava';
import { claim } from '../../../../controller/workloads/controller-claims.ts';
import { planReplicaSet, podFromTemplate } from '../../../../controller/workloads/replica-set-plan.ts';
import { nextAvailableMs, replicaSetStatus } from '../../../../controller/workloads/replica-set-status.ts';
import { conditionOf } from '../../../../proto/resources/conditions.ts';
import { podObject, replicaSetObject } from '../../../fixtures/loop-objects.ts';

const nowMs = 1_000_000;
const labels = { app: 'web' };
const own = { owner: 'set', labels, node: 'n' };

test('pods that have ended or are being deleted are replaced', (t) => {
  const pods = [podObject('a', own), podObject('b', { ...own, phase: 'Failed' }), podObject('c', { ...own, deleted: true })];
  t.deepEqual(planReplicaSet(replicaSetObject('set', 3), pods, pods, nowMs), { create: 2, remove: [] });
});

test('what is too much goes, and nothing when the ReplicaSet itself is going', (t) => {
  const pods = ['a', 'b', 'c'].map((name) => podObject(name, { ...own, ...(name === 'b' ? {} : { readySinceMs: 0 }) }));
  const set = replicaSetObject('set', 2);
  t.deepEqual(planReplicaSet(set, pods, pods, nowMs).remove.map(({ metadata }) => metadata.name), ['b']);
  const going = { ...set, metadata: { ...set.metadata, deletionTimestamp: 'now' } };
  t.deepEqual(planReplicaSet(going, [], [], nowMs), { create: 0, remove: [] });
});

test('a new pod carries the template and its owner, and changes neither', (t) => {
  const set = replicaSetObject('set', 1);
  const pod = podFromTemplate(set);
  t.is(pod.metadata.generateName, 'set-');
  t.deepEqual(pod.metadata.labels, labels);
  t.like(pod.metadata.ownerReferences?.[0], { kind: 'ReplicaSet', uid: 'set', controller: true, blockOwnerDeletion: true });
  t.deepEqual(pod.spec, set.spec?.template?.spec);
  t.not(pod.spec, set.spec?.template?.spec);
});

test('claims what names it by uid, adopts what matches and names nobody, and releases what matches no more', (t) => {
  const set = replicaSetObject('set', 1);
  const mine = podObject('mine', own);
  const strayed = podObject('strayed', { ...own, labels: { app: 'other' } });
  const orphan = podObject('orphan', { labels });
  const stranger = podObject('stranger', { labels, owner: 'another' });
  const dying = podObject('dying', { labels, deleted: true });
  t.deepEqual(claim(set, set.spec?.selector, [mine, strayed, orphan, stranger, dying]), { owned: [mine], adopt: [orphan], release: [strayed] });
});

test('the status counts active pods, and as available only those ready for minReadySeconds', (t) => {
  const base = replicaSetObject('set', 4);
  const set = { ...base, spec: { ...base.spec, minReadySeconds: 10, selector: { matchLabels: labels } } };
  const pods = [
    podObject('old', { ...own, readySinceMs: nowMs - 60_000 }),
    podObject('young', { ...own, readySinceMs: nowMs - 4_000 }),
    podObject('starting', { owner: 'set', node: 'n' }),
    podObject('ended', { ...own, phase: 'Succeeded', readySinceMs: 0 }),
  ];
  t.like(replicaSetStatus(set, pods, undefined, nowMs), { replicas: 3, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 1 });
  t.is(nextAvailableMs(set, pods, nowMs), 6_000);
  t.is(nextAvailableMs(base, pods, nowMs), undefined);
});

test('a failure to create is told in a condition, which goes when it works again', (t) => {
  const set = replicaSetObject('set', 1);
  const failed = replicaSetStatus(set, [], { reason: 'FailedCreate', message: 'quota' }, nowMs);
  t.like(conditionOf(failed, 'ReplicaFailure'), { status: 'True', reason: 'FailedCreate', message: 'quota' });
  t.is(replicaSetStatus({ ...set, status: failed }, [], undefined, nowMs).conditions, undefined);
});
