import test from 'ava';
import { planDeployment, viewOf } from '../../../../controller/workloads/deployment-plan.ts';
import { deploymentStatus } from '../../../../controller/workloads/deployment-status.ts';
import { timestamp } from '../../../../proto/process/clock.ts';
import { conditionOf } from '../../../../proto/resources/conditions.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../../proto/resources/kubernetes.ts';
import { deploymentObject, podObject, replicaSetObject } from '../../../fixtures/loop-objects.ts';

const revision = (n: number, more: Record<string, string> = {}): { metadata: ReplicaSet['metadata'] } => ({
  metadata: { creationTimestamp: timestamp(n * 1_000), annotations: { 'deployment.kubernetes.io/revision': String(n), ...more } },
});
const sized = (desired: number, max: number): Record<string, string> => ({
  'deployment.kubernetes.io/desired-replicas': String(desired),
  'deployment.kubernetes.io/max-replicas': String(max),
});
const plan = (deployment: Deployment, sets: readonly ReplicaSet[], pods: readonly Pod[] = []) =>
  planDeployment(viewOf(deployment, sets, () => pods), 1_000_000);
const sizes = (scale: readonly { set: ReplicaSet; replicas: number }[]): Record<string, number> =>
  Object.fromEntries(scale.map(({ set, replicas }) => [set.metadata.name, replicas]));

test('a new deployment gets one ReplicaSet, named, labelled and selected by the hash of its template', (t) => {
  const { create, revision: stamped } = plan(deploymentObject(3, 'app:1'), []);
  const hash = create?.metadata.labels?.['pod-template-hash'] ?? '';
  t.regex(hash, /^[a-z0-9]{5,}$/);
  t.is(create?.metadata.name, `web-${hash}`);
  t.deepEqual(create?.spec?.selector.matchLabels, { app: 'web', 'pod-template-hash': hash });
  t.deepEqual(create?.spec?.template?.metadata?.labels, { app: 'web', 'pod-template-hash': hash });
  t.is(create?.spec?.replicas, 3);
  t.is(create?.metadata.ownerReferences?.[0]?.uid, 'web');
  t.is(stamped, '1');
});

test('the next ReplicaSet has the next revision, and what people wrote on the deployment', (t) => {
  const deployment = deploymentObject(4, 'app:2');
  deployment.metadata.annotations = {
    'kubernetes.io/change-cause': 'new image',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
    'deployment.kubernetes.io/revision': '3',
  };
  const { create } = plan(deployment, [replicaSetObject('app:1', 4, revision(3))]);
  t.deepEqual(create?.metadata.annotations, { 'kubernetes.io/change-cause': 'new image', 'deployment.kubernetes.io/revision': '4', ...sized(4, 5) });
  t.is(create?.spec?.replicas, 1);
});

test('an old template that is applied again brings back its ReplicaSet as the newest revision', (t) => {
  const sets = [replicaSetObject('app:1', 0, revision(1)), replicaSetObject('app:2', 4, revision(2))];
  const { create, refresh, revision: stamped, scale } = plan(deploymentObject(4, 'app:1'), sets);
  t.is(create, undefined);
  t.is(refresh?.annotations['deployment.kubernetes.io/revision'], '3');
  t.is(refresh?.annotations['deployment.kubernetes.io/revision-history'], '1');
  t.is(stamped, '3');
  t.deepEqual(sizes(scale), { 'app:1': 1 });
});

test('a paused deployment makes nothing new, says so, and still scales', (t) => {
  const deployment = deploymentObject(6, 'app:2', { paused: true });
  const { create, scale, conditions } = plan(deployment, [replicaSetObject('app:1', 4, revision(1, sized(4, 5)))]);
  t.is(create, undefined);
  t.deepEqual(sizes(scale), { 'app:1': 6 });
  t.is(conditionOf({ conditions: [...conditions] }, 'Progressing')?.reason, 'DeploymentPaused');
});

test('scaling in the middle of a rollout keeps the proportion of old and new', (t) => {
  const sets = [replicaSetObject('app:1', 8, revision(1, sized(10, 13))), replicaSetObject('app:2', 5, revision(2, sized(10, 13)))];
  const { scale } = plan(deploymentObject(20, 'app:2', { strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }), sets);
  t.deepEqual(sizes(scale), { 'app:1': 14, 'app:2': 9 });
});

test('what rounding leaves over goes to the largest, of several to the newest', (t) => {
  const sets = [5, 5, 3].map((size, at) => replicaSetObject(`app:${at + 1}`, size, revision(at + 1, sized(10, 13))));
  const { scale } = plan(deploymentObject(11, 'app:3', { strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } }), sets);
  t.deepEqual(sizes(scale), { 'app:1': 5, 'app:2': 6, 'app:3': 3 });
});

test('scaling to nothing in the middle of a rollout stops everything', (t) => {
  const sets = [replicaSetObject('app:1', 8, revision(1, sized(10, 13))), replicaSetObject('app:2', 5, revision(2, sized(10, 13)))];
  t.deepEqual(sizes(plan(deploymentObject(0, 'app:2'), sets).scale), { 'app:1': 0, 'app:2': 0 });
});

test('Recreate stops the old pods, waits for the last of them, and only then starts', (t) => {
  const deployment = deploymentObject(3, 'app:2', { strategy: { type: 'Recreate' } });
  t.deepEqual(sizes(plan(deployment, [replicaSetObject('app:1', 3, revision(1))]).scale), { 'app:1': 0 });
  const stopped = replicaSetObject('app:1', 0, { ...revision(1), status: { replicas: 0 } });
  const waiting = plan(deployment, [stopped], [podObject('old', { node: 'n', deleted: true })]);
  t.is(waiting.create, undefined);
  t.is(plan(deployment, [stopped], [podObject('old', { node: 'n', phase: 'Failed' })]).create?.spec?.replicas, 3);
});

test('the history is trimmed to its limit once a rollout is done, the oldest revisions first', (t) => {
  const old = [1, 2, 3, 4].map((n) => replicaSetObject(`app:${n}`, 0, { ...revision(n), status: { replicas: 0 } }));
  const current = replicaSetObject('app:5', 2, revision(5));
  const deployment = deploymentObject(2, 'app:5', { revisionHistoryLimit: 2 });
  t.deepEqual(plan(deployment, [...old, current]).remove.map(({ metadata }) => metadata.name), ['app:1', 'app:2']);
  const busy = replicaSetObject('app:5', 2, { ...revision(5), status: { replicas: 2, availableReplicas: 1 } });
  t.deepEqual(plan(deployment, [...old, busy]).remove, []);
});

test('another hash is used after a collision', (t) => {
  const names = [undefined, 1, 2].map((collisionCount) =>
    plan(deploymentObject(1, 'app:1', {}, collisionCount === undefined ? {} : { collisionCount }), []).create?.metadata.name,
  );
  t.is(new Set(names).size, 3);
});

test('a deployment that is being deleted is left alone', (t) => {
  const deployment = deploymentObject(3, 'app:2');
  deployment.metadata.deletionTimestamp = timestamp(0);
  const { create, scale, remove } = plan(deployment, [replicaSetObject('app:1', 3)]);
  t.deepEqual([create, scale, remove], [undefined, [], []]);
});

const progressing = (reason: string, sinceMs: number) => [
  { type: 'Progressing', status: 'True', reason, message: '', lastUpdateTime: timestamp(sinceMs), lastTransitionTime: timestamp(sinceMs) },
];

test('a rollout without progress for progressDeadlineSeconds has exceeded its deadline', (t) => {
  const conditions = progressing('ReplicaSetUpdated', 0);
  const stuck = replicaSetObject('app:1', 2, { status: { replicas: 2, readyReplicas: 0, availableReplicas: 0 } });
  const before = { replicas: 2, updatedReplicas: 2, conditions };
  const at = (nowMs: number) => conditionOf(deploymentStatus(deploymentObject(2, 'app:1', {}, before), stuck, [], conditions, nowMs), 'Progressing');
  t.is(at(600_000)?.reason, 'ReplicaSetUpdated');
  t.is(at(600_001)?.reason, 'ProgressDeadlineExceeded');
  t.is(at(600_001)?.status, 'False');
  t.is(at(600_001)?.message, 'ReplicaSet "app:1" has timed out progressing.');
});

test('progress starts the deadline anew, and a finished rollout has none', (t) => {
  const conditions = progressing('NewReplicaSetCreated', 0);
  const deployment = deploymentObject(2, 'app:1', {}, { replicas: 2, updatedReplicas: 2, conditions });
  const half = replicaSetObject('app:1', 2, { status: { replicas: 2, readyReplicas: 1, availableReplicas: 1 } });
  const moving = conditionOf(deploymentStatus(deployment, half, [], conditions, 500_000), 'Progressing');
  t.is(moving?.reason, 'ReplicaSetUpdated');
  t.is(moving?.lastUpdateTime, timestamp(500_000));
  const observed = { ...deployment, status: { ...deployment.status, observedGeneration: 1 } };
  const done = deploymentStatus(observed, replicaSetObject('app:1', 2), [], conditions, 500_000);
  t.is(conditionOf(done, 'Progressing')?.reason, 'NewReplicaSetAvailable');
  t.is(conditionOf(done, 'Available')?.reason, 'MinimumReplicasAvailable');
});

test('the status counts what the ReplicaSets say and repeats why they fail', (t) => {
  const failing = replicaSetObject('app:2', 3, {
    status: { replicas: 1, readyReplicas: 1, availableReplicas: 1, conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'no' }] },
  });
  const status = deploymentStatus(deploymentObject(4, 'app:2'), failing, [replicaSetObject('app:1', 2)], [], 0);
  t.like(status, { replicas: 3, updatedReplicas: 1, readyReplicas: 3, availableReplicas: 3, unavailableReplicas: 2, observedGeneration: 1 });
  t.like(conditionOf(status, 'ReplicaFailure'), { status: 'True', reason: 'FailedCreate', message: 'no' });
});
