/** Nodes that come, fail and fill up, on a real etcd and the real API verbs. */
import test from 'ava';
import { eventKind, leaseKind, nodeKind, podKind, replicaSetKind, serviceAccountKind } from '../../proto/kinds.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Event, Node, Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { asAdmin, type ControlPlane, startControlPlane } from '../fixtures/control-plane.ts';
import { startEtcd } from '../fixtures/etcd.ts';
import { testKv } from '../fixtures/store.ts';

const start = async (t: Parameters<typeof startControlPlane>[0]): Promise<ControlPlane> => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const plane = await startControlPlane(t, testKv(t, etcd.endpoint));
  await plane.until('the namespace can be used', () => plane.reader.get(serviceAccountKind, 'default/default') !== undefined);
  return plane;
};

const pod = (name: string, cpu: string, more: Record<string, unknown> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'main', image: 'app:1', resources: { requests: { cpu } } }], ...more },
});

const podOf = (plane: ControlPlane, name: string): Pod | undefined => plane.reader.get<Pod>(podKind, `default/${name}`)?.object;
const nodeOf = (plane: ControlPlane, name: string): Node | undefined => plane.reader.get<Node>(nodeKind, name)?.object;

test('a pod that fits nowhere says why, and is placed as soon as room is made', async (t) => {
  const plane = await start(t);
  await plane.addNode('node-1', { cpu: '2' });
  await plane.create(podKind, pod('first', '1500m'));
  await plane.until('it is placed', () => podOf(plane, 'first')?.spec?.nodeName === 'node-1');
  await plane.create(podKind, pod('second', '1'));
  await plane.until('it is refused', () => conditionOf(podOf(plane, 'second')?.status, 'PodScheduled')?.status === 'False');
  const condition = conditionOf(podOf(plane, 'second')?.status, 'PodScheduled');
  t.is(condition?.reason, 'Unschedulable');
  t.is(condition?.message, '0/1 nodes are available: 1 Insufficient cpu.');
  await plane.recorder.flushed();
  const events = plane.reader.list<Event>(eventKind, 'default').map(({ object }) => object);
  t.is(events.filter(({ reason }) => reason === 'FailedScheduling').length, 1);
  await plane.verbs.delete(podKind, 'default', 'first', { ...asAdmin(), gracePeriodSeconds: 0 });
  await plane.until('it is placed', () => podOf(plane, 'second')?.spec?.nodeName === 'node-1');
  t.is(conditionOf(podOf(plane, 'second')?.status, 'PodScheduled')?.status, 'True');
});

test('a node whose lease is gone is unknown, tainted, its pods not ready; and nothing is left of that when it is back', async (t) => {
  const plane = await start(t);
  await plane.addNode('node-1');
  await plane.create(podKind, pod('first', '1'));
  await plane.until('it is ready', () => { const first = podOf(plane, 'first'); return first !== undefined && isPodReady(first); });
  plane.liveness.set('node-1', false);
  await plane.until('its pod is not ready', () => { const first = podOf(plane, 'first'); return first !== undefined && !isPodReady(first); });
  const lost = nodeOf(plane, 'node-1');
  t.is(conditionOf(lost?.status, 'Ready')?.status, 'Unknown');
  t.is(conditionOf(lost?.status, 'Ready')?.reason, 'NodeStatusUnknown');
  // Without NoExecute: there is no other node that its pods could go to.
  await plane.until('it is tainted', () => nodeOf(plane, 'node-1')?.spec?.taints !== undefined);
  t.deepEqual(nodeOf(plane, 'node-1')?.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`), ['node.kubernetes.io/unreachable:NoSchedule']);
  t.is(podOf(plane, 'first')?.metadata.deletionTimestamp, undefined);

  plane.liveness.set('node-1', true);
  await plane.verbs.modify<Node>(
    nodeKind,
    'node-1',
    (present) => ({ ...present, status: { ...present.status, conditions: [{ type: 'Ready', status: 'True' }] } }),
    asAdmin('status'),
  );
  await plane.until('its pod is ready again', () => { const first = podOf(plane, 'first'); return first !== undefined && isPodReady(first); });
  await plane.until('the taints are gone', () => nodeOf(plane, 'node-1')?.spec?.taints === undefined);
  t.is(nodeOf(plane, 'node-1')?.spec?.podCIDR, '10.244.0.0/24');
});

test('every node gets a subnet of its own, and a cordoned one gets no pods', async (t) => {
  const plane = await start(t);
  await Promise.all(['node-1', 'node-2', 'node-3'].map((name) => plane.addNode(name)));
  await plane.until('all have subnets', () => plane.reader.list<Node>(nodeKind).filter(({ object }) => object.spec?.podCIDR).length === 3);
  t.is(new Set(plane.reader.list<Node>(nodeKind).map(({ object }) => object.spec?.podCIDR)).size, 3);
  await plane.verbs.patch(nodeKind, '', 'node-2', 'merge', { spec: { unschedulable: true } }, asAdmin());
  await plane.until('it is tainted', () => nodeOf(plane, 'node-2')?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/unschedulable') === true);
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 6,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'app:1' }] } },
    },
  };
  await plane.create(replicaSetKind, set);
  await plane.until('six are available', () => plane.reader.get<ReplicaSet>(replicaSetKind, 'default/web')?.object.status?.availableReplicas === 6);
  const counts = ['node-1', 'node-2', 'node-3'].map((name) => plane.reader.indexed(podKind, 'node', name).length);
  t.deepEqual(counts, [3, 0, 3]);
});

test('a NoExecute taint evicts the pods that do not tolerate it, and no others', async (t) => {
  const plane = await start(t);
  await plane.addNode('node-1');
  await plane.create(podKind, pod('tolerant', '1', { tolerations: [{ key: 'maintenance', operator: 'Exists' }] }));
  await plane.create(podKind, pod('other', '1'));
  await plane.until('both are placed', () => ['tolerant', 'other'].every((name) => podOf(plane, name)?.spec?.nodeName));
  await plane.verbs.patch(nodeKind, '', 'node-1', 'merge', { spec: { taints: [{ key: 'maintenance', effect: 'NoExecute' }] } }, asAdmin());
  await plane.until('the one is gone', () => podOf(plane, 'other') === undefined);
  t.is(podOf(plane, 'tolerant')?.metadata.deletionTimestamp, undefined);
});

test('a pod with scheduling gates waits for them to be opened', async (t) => {
  const plane = await start(t);
  await plane.addNode('node-1');
  await plane.create(podKind, pod('gated', '1', { schedulingGates: [{ name: 'example.com/quota' }] }));
  await plane.until('it says so', () => conditionOf(podOf(plane, 'gated')?.status, 'PodScheduled')?.reason === 'SchedulingGated');
  await plane.verbs.patch(podKind, 'default', 'gated', 'json', [{ op: 'remove', path: '/spec/schedulingGates' }], asAdmin());
  await plane.until('it is placed', () => podOf(plane, 'gated')?.spec?.nodeName === 'node-1');
  t.pass();
});

test('every node has a Lease object, which goes with it', async (t) => {
  const plane = await start(t);
  await plane.addNode('node-1');
  await plane.until('the Lease is there', () => plane.reader.get(leaseKind, 'kube-node-lease/node-1') !== undefined);
  t.is(plane.reader.get(leaseKind, 'kube-node-lease/node-1')?.object.metadata.ownerReferences?.[0]?.uid, nodeOf(plane, 'node-1')?.metadata.uid);
  await plane.verbs.delete(nodeKind, '', 'node-1', asAdmin());
  await plane.until('the Lease is gone', () => plane.reader.get(leaseKind, 'kube-node-lease/node-1') === undefined);
});
