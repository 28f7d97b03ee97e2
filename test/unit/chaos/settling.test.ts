import test from 'ava';
import { changesBetween } from '../../chaos/leftovers.ts';
import { Revisions } from '../../chaos/revisions.ts';
import { deploymentLack } from '../../chaos/settling.ts';
import { Verdict } from '../../chaos/verdict.ts';
import type { Deployment, Pod } from '../../../proto/resources/kubernetes.ts';

const pod = (name: string, isReady = true, isLeaving = false): Pod => ({
  metadata: { name, labels: { app: 'web' }, ...(isLeaving ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
  status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] },
}) as unknown as Pod;

const web = (observedGeneration = 3): Deployment => ({
  metadata: { name: 'web', generation: 3 }, spec: { replicas: 2 },
  status: { observedGeneration, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
}) as unknown as Deployment;

test('a deployment is settled when pods and status are as its spec says, whoever is still on the way out', (t) => {
  t.is(deploymentLack(web(), [pod('a'), pod('b'), pod('c', false, true)]), undefined);
  t.regex(deploymentLack(web(), [pod('a')]) ?? '', /2 wanted, 1 pods, 1 ready/);
  t.regex(deploymentLack(web(), [pod('a'), pod('b', false)]) ?? '', /2 pods, 1 ready/);
  t.regex(deploymentLack(web(), [pod('a'), pod('b'), pod('c')]) ?? '', /3 pods/);
  t.regex(deploymentLack(web(2), [pod('a'), pod('b')]) ?? '', /generation 3/);
});

test('what came and what went is told by kind', (t) => {
  t.deepEqual(changesBetween({ mounts: ['a', 'b'], rules: [] }, { mounts: ['b', 'c'], rules: [] }), ['mounts: +c', 'mounts: -a']);
});

test('an answer below what was seen before it was asked for is told, and a write that moves nothing', (t) => {
  const revisions = new Revisions();
  const first = revisions.begin();
  t.is(revisions.complaint('a write', first, 10, true), undefined);
  t.is(revisions.complaint('a slower one', first, 9, true), undefined);
  const later = revisions.begin();
  t.is(revisions.complaint('a list', later, 10, false), undefined);
  t.regex(revisions.complaint('a write', later, 10, true) ?? '', /10 had been seen/);
  t.regex(revisions.complaint('a list', later, 9, false) ?? '', /is at 9/);
});

test('the first broken guarantee stands', (t) => {
  const verdict = new Verdict();
  verdict.judge('one', undefined);
  t.false(verdict.signal.aborted);
  verdict.judge('two', 'this');
  verdict.judge('three', 'that');
  t.deepEqual(verdict.broken, { guarantee: 'two', detail: 'this' });
  t.true(verdict.signal.aborted);
});
