/** The loops together, on a real etcd and the real API verbs, with played nodes. */
import test from 'ava';
import { deploymentKind, eventKind, namespaceKind, podKind, replicaSetKind, serviceAccountKind } from '../../proto/kinds.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Deployment, Event, Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { asAdmin, type ControlPlane, startControlPlane } from '../fixtures/control-plane.ts';
import { startEtcd } from '../fixtures/etcd.ts';
import { testKv } from '../fixtures/store.ts';

const web = (replicas: number, image: string, more: Record<string, unknown> = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', annotations: { 'kubernetes.io/change-cause': image } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image }] } },
    ...more,
  },
});

const ready = (plane: ControlPlane): Pod[] => plane.reader.list<Pod>(podKind, 'default').map(({ object }) => object).filter(isPodReady);
const present = (plane: ControlPlane): Deployment | undefined => plane.reader.get<Deployment>(deploymentKind, 'default/web')?.object;
const isDone = (plane: ControlPlane, replicas: number): boolean => {
  const deployment = present(plane);
  const { status } = deployment ?? {};
  return status?.observedGeneration === deployment?.metadata.generation && status?.updatedReplicas === replicas
    && status.availableReplicas === replicas && status.replicas === replicas;
};
const setImage = (plane: ControlPlane, image: string): Promise<unknown> =>
  plane.verbs.patch(deploymentKind, 'default', 'web', 'strategic', { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } }, asAdmin());

const start = async (t: Parameters<typeof startControlPlane>[0]): Promise<ControlPlane> => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const plane = await startControlPlane(t, testKv(t, etcd.endpoint));
  await plane.addNode('node-1');
  await plane.addNode('node-2');
  await plane.until('the namespaces exist', () => plane.reader.list(serviceAccountKind).length === 4);
  return plane;
};

test('a deployment becomes ready pods, rolls to a new template without a gap, and back to its old ReplicaSet', async (t) => {
  const plane = await start(t);
  t.deepEqual(plane.reader.list(namespaceKind).map(({ key }) => key), ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  await plane.create(deploymentKind, web(4, 'app:1'));
  await plane.until('four are available', () => isDone(plane, 4));
  const first = plane.reader.list<ReplicaSet>(replicaSetKind, 'default')[0]?.object;
  t.is(first?.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
  t.is(conditionOf(present(plane)?.status, 'Progressing')?.reason, 'NewReplicaSetAvailable');
  t.is(conditionOf(present(plane)?.status, 'Available')?.reason, 'MinimumReplicasAvailable');
  t.deepEqual([...new Set(ready(plane).map((pod) => pod.spec?.nodeName))].toSorted(), ['node-1', 'node-2']);

  let fewest = 4;
  let most = 4;
  const watch = plane.reader.subscribe([podKind], () => {
    fewest = Math.min(fewest, ready(plane).filter((pod) => !pod.metadata.deletionTimestamp).length);
    most = Math.max(most, plane.reader.list<Pod>(podKind, 'default').filter(({ object }) => !object.metadata.deletionTimestamp).length);
  });
  await setImage(plane, 'app:2');
  await plane.until('the second template is out', () => isDone(plane, 4) && present(plane)?.metadata.annotations?.['deployment.kubernetes.io/revision'] === '2');
  t.true(fewest >= 3, `${fewest} were ready at some time`);
  t.true(most <= 5, `${most} existed at some time`);
  watch.close();

  await setImage(plane, 'app:1');
  await plane.until('the first template is back', () => isDone(plane, 4) && present(plane)?.metadata.annotations?.['deployment.kubernetes.io/revision'] === '3');
  const sets = plane.reader.list<ReplicaSet>(replicaSetKind, 'default').map(({ object }) => object);
  t.is(sets.length, 2);
  const back = sets.find(({ metadata }) => metadata.uid === first?.metadata.uid);
  t.is(back?.spec?.replicas, 4);
  t.is(back?.metadata.annotations?.['deployment.kubernetes.io/revision-history'], '1');

  await plane.recorder.flushed();
  const messages = plane.reader.list<Event>(eventKind, 'default').map(({ object }) => object.message ?? '');
  t.true(messages.includes(`Scaled up replica set ${first?.metadata.name} from 0 to 4`));
  t.true(messages.some((message) => /^Successfully assigned default\/web-\S+ to node-[12]$/.test(message)));
  t.true(messages.some((message) => message.startsWith('Created pod: web-')));
});

test('Recreate starts nothing new before the last old pod is gone', async (t) => {
  const plane = await start(t);
  await plane.create(deploymentKind, web(3, 'app:1', { strategy: { type: 'Recreate' } }));
  await plane.until('three are available', () => isDone(plane, 3));
  let mixed = false;
  const watch = plane.reader.subscribe([podKind], () => {
    const images = plane.reader.list<Pod>(podKind, 'default').map(({ object }) => object.spec?.containers[0]?.image);
    mixed ||= new Set(images).size > 1;
  });
  await setImage(plane, 'app:2');
  await plane.until('the second template is out', () => isDone(plane, 3) && ready(plane).every((pod) => pod.spec?.containers[0]?.image === 'app:2'));
  t.false(mixed);
  watch.close();
});

test('a deleted deployment takes its ReplicaSets and pods with it, and an orphaned one leaves them', async (t) => {
  const plane = await start(t);
  await plane.create(deploymentKind, web(2, 'app:1'));
  await plane.until('two are available', () => isDone(plane, 2));
  await plane.verbs.delete(deploymentKind, 'default', 'web', { ...asAdmin(), propagationPolicy: 'Orphan' });
  await plane.until('it is gone', () => present(plane) === undefined);
  const set = plane.reader.list<ReplicaSet>(replicaSetKind, 'default')[0]?.object;
  t.is(set?.metadata.ownerReferences, undefined);
  t.is(ready(plane).length, 2);

  await plane.create(deploymentKind, web(2, 'app:1'));
  await plane.until('it has adopted what was there', () => isDone(plane, 2));
  t.is(plane.reader.list<ReplicaSet>(replicaSetKind, 'default')[0]?.object.metadata.uid, set?.metadata.uid);
  await plane.verbs.delete(deploymentKind, 'default', 'web', { ...asAdmin(), propagationPolicy: 'Foreground' });
  await plane.until('nothing is left', () => [deploymentKind, replicaSetKind, podKind].every((kind) => plane.reader.list(kind, 'default').length === 0));
  t.pass();
});

test('a namespace goes with all that is in it', async (t) => {
  const plane = await start(t);
  await plane.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } });
  await plane.until('its service account exists', () => plane.reader.get(serviceAccountKind, 'team/default') !== undefined);
  const deployment = web(3, 'app:1');
  await plane.create(deploymentKind, { ...deployment, metadata: { ...deployment.metadata, namespace: 'team' } });
  await plane.until('its pods are ready', () => plane.reader.list<Pod>(podKind, 'team').filter(({ object }) => isPodReady(object)).length === 3);
  await plane.verbs.delete(namespaceKind, '', 'team', asAdmin());
  await plane.until('it is gone', () => plane.reader.get(namespaceKind, 'team') === undefined);
  t.is(plane.reader.list(podKind, 'team').length, 0);
  t.is(plane.reader.list(deploymentKind, 'team').length, 0);
});

test('a leader that lost its place writes nothing, and one that is elected finds everything that was left to do', async (t) => {
  const plane = await start(t);
  await plane.create(deploymentKind, web(2, 'app:1'));
  await plane.until('two are available', () => isDone(plane, 2));
  plane.stop();
  const podsBefore = plane.reader.list<Pod>(podKind, 'default').map(({ key, revision }) => [key, revision]);
  await plane.verbs.patch(deploymentKind, 'default', 'web', 'merge', { spec: { replicas: 5 } }, asAdmin());
  await plane.verbs.delete(replicaSetKind, 'default', plane.reader.list(replicaSetKind, 'default')[0]?.object.metadata.name ?? '', { ...asAdmin(), propagationPolicy: 'Orphan' });
  t.deepEqual(plane.reader.list<Pod>(podKind, 'default').map(({ key, revision }) => [key, revision]), podsBefore);
  plane.lead();
  await plane.until('five are available', () => isDone(plane, 5));
  const kept = new Set(podsBefore.map(([key]) => key));
  t.is(plane.reader.list<Pod>(podKind, 'default').filter(({ key }) => kept.has(key)).length, 2);
});

test('pods count as available only after minReadySeconds', async (t) => {
  const plane = await start(t);
  await plane.create(deploymentKind, web(2, 'app:1', { minReadySeconds: 3 }));
  await plane.until('two are ready', () => present(plane)?.status?.readyReplicas === 2);
  t.is(present(plane)?.status?.availableReplicas, undefined);
  t.is(conditionOf(present(plane)?.status, 'Available')?.reason, 'MinimumReplicasUnavailable');
  await plane.until('two are available', () => isDone(plane, 2));
  t.is(conditionOf(present(plane)?.status, 'Available')?.reason, 'MinimumReplicasAvailable');
});

test('a rollout that gets nowhere says so after its deadline, and recovers with the next template', async (t) => {
  const plane = await start(t);
  plane.makesReady = (pod) => pod.spec?.containers[0]?.image !== 'app:broken';
  await plane.create(deploymentKind, web(2, 'app:1', { progressDeadlineSeconds: 1 }));
  await plane.until('two are available', () => isDone(plane, 2));
  await setImage(plane, 'app:broken');
  await plane.until('its deadline is exceeded', () => conditionOf(present(plane)?.status, 'Progressing')?.reason === 'ProgressDeadlineExceeded');
  t.is(ready(plane).length, 2);
  t.is(conditionOf(present(plane)?.status, 'Available')?.status, 'True');
  await setImage(plane, 'app:2');
  await plane.until('the good template is out', () => isDone(plane, 2) && ready(plane).every((pod) => pod.spec?.containers[0]?.image === 'app:2'));
  t.is(conditionOf(present(plane)?.status, 'Progressing')?.reason, 'NewReplicaSetAvailable');
});
