import test from 'ava';
import { newestTrouble, troubleOf } from '../../../cli/pod-trouble.ts';
import { restorePatch, revisionsOf, revisionToRestore, templateOf } from '../../../cli/rollout-history.ts';
import { replicaSetState, rolloutState } from '../../../cli/rollout-state.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../proto/resources/kubernetes.ts';

const deployment = (status: object, spec: object = {}, generation = 2): Deployment =>
  ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', uid: 'd', generation }, spec: { replicas: 3, ...spec }, status: { observedGeneration: 2, ...status } }) as Deployment;

test('a rollout is told in kubectl’s words', (t) => {
  const text = (status: object, generation = 2): string => rolloutState(deployment(status, {}, generation)).text;
  t.is(text({}, 3), 'Waiting for deployment spec update to be observed...');
  t.is(text({ updatedReplicas: 1, replicas: 3 }), 'Waiting for deployment "web" rollout to finish: 1 out of 3 new replicas have been updated...');
  t.is(text({ updatedReplicas: 3, replicas: 4 }), 'Waiting for deployment "web" rollout to finish: 1 old replicas are pending termination...');
  t.is(text({ updatedReplicas: 3, replicas: 3, availableReplicas: 2 }), 'Waiting for deployment "web" rollout to finish: 2 of 3 updated replicas are available...');
  t.is(text({ updatedReplicas: 3, replicas: 3, availableReplicas: 3 }), 'deployment "web" successfully rolled out');
});

test('a rollout that exceeded its deadline has failed', (t) => {
  const state = rolloutState(deployment({ updatedReplicas: 1, conditions: [{ type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' }] }));
  t.deepEqual([state.phase, state.text], ['failed', 'deployment "web" exceeded its progress deadline']);
});

test('a status of an earlier generation never ends a wait', (t) => {
  t.is(rolloutState(deployment({ updatedReplicas: 3, replicas: 3, availableReplicas: 3 }, {}, 3)).phase, 'going');
  t.is(replicaSetState({ metadata: { name: 'a', generation: 2 }, spec: { replicas: 0 }, status: { observedGeneration: 1, replicas: 0 } } as unknown as ReplicaSet).phase, 'going');
});

test('a paused rollout says so to whoever waits for it', (t) => {
  t.is(rolloutState(deployment({ updatedReplicas: 1, replicas: 3, availableReplicas: 3 }, { paused: true })).short, '1/3 replaced, 3/3 ready, paused');
});

const pod = (name: string, status: object, createdAt = '2026-01-01T00:00:00Z'): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, creationTimestamp: createdAt }, status }) as Pod;

test('a pod says what holds it up', (t) => {
  const waiting = (reason: string, message?: string): object => ({ containerStatuses: [{ name: 'c', restartCount: 4, state: { waiting: { reason, message } }, lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }] });
  t.is(troubleOf(pod('a', waiting('ErrImagePull', 'no such image'))), 'pod/a: container c: ErrImagePull: no such image');
  t.is(troubleOf(pod('a', waiting('CrashLoopBackOff'))), 'pod/a: container c: CrashLoopBackOff: it ends with OOMKilled, exit code 137, restarted 4 times');
  t.is(troubleOf(pod('a', { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available: 1 Insufficient cpu.' }] })), 'pod/a: Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.');
  t.is(troubleOf(pod('a', waiting('ContainerCreating'))), undefined);
  t.is(troubleOf(pod('a', { phase: 'Running', containerStatuses: [{ name: 'c', state: { running: {} } }] })), undefined);
});

test('the newest pod’s trouble is told, and none of those that end', (t) => {
  const failed = { phase: 'Failed', reason: 'Evicted' };
  const ending = pod('ending', failed, '2026-01-03T00:00:00Z');
  ending.metadata.deletionTimestamp = '2026-01-03T00:00:01Z';
  t.is(newestTrouble([pod('old', failed), pod('new', failed, '2026-01-02T00:00:00Z'), ending]), 'pod/new: it failed: Evicted');
  t.is(newestTrouble([pod('fine', { phase: 'Running' })]), undefined);
});

const set = (revision: number, image: string, owner = 'd'): ReplicaSet => ({
  apiVersion: 'apps/v1', kind: 'ReplicaSet',
  metadata: {
    name: `web-${revision}`, ownerReferences: [{ uid: owner, controller: true, apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }],
    annotations: { 'deployment.kubernetes.io/revision': String(revision), 'deployment.kubernetes.io/desired-replicas': '3', 'kubernetes.io/change-cause': `image ${image}` },
  },
  spec: { template: { metadata: { labels: { app: 'web', 'pod-template-hash': `h${revision}` } }, spec: { containers: [{ name: 'c', image }] } } },
}) as unknown as ReplicaSet;

test('revisions are those of the Deployment’s own ReplicaSets, in order', (t) => {
  const revisions = revisionsOf(deployment({}), [set(3, 'c'), set(1, 'a'), set(2, 'b', 'another')]);
  t.deepEqual(revisions.map(({ number, changeCause }) => [number, changeCause]), [[1, 'image a'], [3, 'image c']]);
  t.is(revisionToRestore(revisions, 0)?.number, 1);
  t.is(revisionToRestore(revisions, 3)?.number, 3);
  t.is(revisionToRestore(revisions, 2), undefined);
});

test('undo restores template and annotations, and keeps what is the Deployment’s own', (t) => {
  const [first, second] = revisionsOf(deployment({}), [set(1, 'a'), set(2, 'b')]);
  const present = deployment({}, { template: second && templateOf(second) });
  present.metadata.annotations = { 'deployment.kubernetes.io/revision': '2', 'kubernetes.io/change-cause': 'image b' };
  t.deepEqual(first && restorePatch(present, first), [
    { op: 'replace', path: '/spec/template', value: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'a' }] } } },
    { op: 'add', path: '/metadata/annotations', value: { 'deployment.kubernetes.io/revision': '2', 'kubernetes.io/change-cause': 'image a' } },
  ]);
  t.is(second && restorePatch(present, second), undefined);
});
