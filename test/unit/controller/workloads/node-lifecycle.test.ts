import test, { type ExecutionContext } from 'ava';
import { evictionSettleMs, nodeReturnGraceMs } from '../../../../controller/limits.ts';
import { nodeKind, podKind, replicaSetKind, serviceAccountKind } from '../../../../proto/kinds.ts';
import { conditionOf } from '../../../../proto/resources/conditions.ts';
import type { Node, Pod, ReplicaSet } from '../../../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../../../proto/resources/pod.ts';
import { asAdmin, type ControlPlane, startControlPlane } from '../../../fixtures/control-plane.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';
import { MemoryKv } from '../../../fixtures/memory-kv.ts';

test('a new leader gives nodes time to come back, and one that was alive in its term none', async (t) => {
  const clock = new ManualClock();
  const plane = await startControlPlane(t, new MemoryKv(), { clock, podEvictionSeconds: 0 });
  const readyOf = (name: string): string | undefined => conditionOf(plane.reader.get<Node>(nodeKind, name)?.object.status, 'Ready')?.status;
  await plane.until('the namespace can be used', () => plane.reader.get(serviceAccountKind, 'default/default') !== undefined);
  for (const name of ['n1', 'n2']) await plane.addNode(name);
  plane.stop();
  plane.liveness.set('n1', false);
  plane.lead();
  await clock.advance(nodeReturnGraceMs - 1);
  t.is(readyOf('n1'), 'True');
  plane.liveness.set('n2', false);
  await plane.until('the one that was alive is unknown', () => readyOf('n2') === 'Unknown');
  t.is(readyOf('n1'), 'True');
  await clock.advance(1);
  await plane.until('the other one is unknown, too', () => readyOf('n1') === 'Unknown');
});

const pod = (name: string, more: Record<string, unknown> = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'main', image: 'app:1' }], ...more } });

const fleet = async (t: ExecutionContext, size: number) => {
  const clock = new ManualClock();
  const plane = await startControlPlane(t, new MemoryKv(), { clock, podEvictionSeconds: 0 });
  const names = Array.from({ length: size }, (_, at) => `node-${at + 1}`);
  await plane.until('the namespace can be used', () => plane.reader.get(serviceAccountKind, 'default/default') !== undefined);
  for (const name of names) await plane.addNode(name);
  return { clock, plane, names };
};

const on = ({ reader }: ControlPlane, node: string): Pod[] => reader.indexed<Pod>(podKind, 'node', node).map(({ object }) => object);
const readyOn = (plane: ControlPlane, ...nodes: string[]): number => nodes.flatMap((node) => on(plane, node)).filter(isPodReady).length;
const nodeOf = ({ reader }: ControlPlane, name: string): Node | undefined => reader.get<Node>(nodeKind, name)?.object;
const readyStatus = (plane: ControlPlane, name: string): string | undefined => conditionOf(nodeOf(plane, name)?.status, 'Ready')?.status;
const effects = (plane: ControlPlane, name: string): string[] => (nodeOf(plane, name)?.spec?.taints ?? []).map(({ effect }) => effect);
const isBack = (plane: ControlPlane, name: string): Promise<unknown> =>
  plane.verbs.modify<Node>(nodeKind, name, (present) => ({ ...present, status: { ...present.status, conditions: [{ type: 'Ready', status: 'True' }] } }), asAdmin('status'));

test('the pods of a lost node are made anew on the others, but for those that tolerate its loss; and it comes back to what it had left', async (t) => {
  const { clock, plane } = await fleet(t, 3);
  const spec = {
    replicas: 6, selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'app:1' }] } },
  };
  await plane.create<ReplicaSet>(replicaSetKind, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', namespace: 'default' }, spec });
  const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }];
  await plane.create(podKind, pod('patient', { nodeName: 'node-1', tolerations }));
  await plane.until('all are ready', () => readyOn(plane, 'node-1', 'node-2', 'node-3') === 7);
  t.true(readyOn(plane, 'node-1') > 1);
  plane.liveness.set('node-1', false);
  await plane.until('its pods are out of service, and stay for the moment', () => readyOn(plane, 'node-1') === 0 && effects(plane, 'node-1').length === 1);
  t.true(on(plane, 'node-1').length > 1);
  await clock.advance(evictionSettleMs);
  await plane.until('they run elsewhere', () => readyOn(plane, 'node-2', 'node-3') === 6);
  t.deepEqual(on(plane, 'node-1').map(({ metadata }) => metadata.name), ['patient']);
  t.is(conditionOf(on(plane, 'node-1')[0]?.status, 'Ready')?.reason, 'NodeNotReady');

  plane.liveness.set('node-1', true);
  await isBack(plane, 'node-1');
  await plane.until('it is as before', () => effects(plane, 'node-1').length === 0 && readyOn(plane, 'node-1') === 1);
  await clock.advance(400_000);
  t.is(readyOn(plane, 'node-1'), 1, 'nothing of its absence comes after it');
  t.is(readyOn(plane, 'node-2', 'node-3'), 6);
});

test('a pod leaves when its toleration of a lost node has passed', async (t) => {
  const { clock, plane } = await fleet(t, 2);
  await plane.create(podKind, pod('patient', { nodeName: 'node-1', tolerations: [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 }] }));
  await plane.until('it is ready', () => readyOn(plane, 'node-1') === 1);
  plane.liveness.set('node-1', false);
  await plane.until('it is not', () => readyOn(plane, 'node-1') === 0);
  await clock.advance(evictionSettleMs);
  await plane.until('the node is tainted', () => effects(plane, 'node-1').includes('NoExecute'));
  await clock.advance(28_000);
  t.is(on(plane, 'node-1').length, 1);
  await clock.advance(2_000);
  await plane.until('it is gone', () => on(plane, 'node-1').length === 0);
});

test('no pod is taken away while most nodes are lost together', async (t) => {
  const { clock, plane, names } = await fleet(t, 5);
  for (const name of names) await plane.create(podKind, pod(`on-${name}`, { nodeName: name }));
  await plane.until('all are ready', () => readyOn(plane, ...names) === 5);
  const lost = names.slice(0, 3);
  for (const name of lost) plane.liveness.set(name, false);
  await plane.until('they are unknown', () => lost.every((name) => readyStatus(plane, name) === 'Unknown' && effects(plane, name).length === 1));
  await clock.advance(3_600_000);
  t.true(lost.every((name) => effects(plane, name).join() === 'NoSchedule'));
  t.true(names.every((name) => on(plane, name).length === 1));
  plane.liveness.set('node-1', true);
  await isBack(plane, 'node-1');
  await plane.until('the one that is back serves', () => readyOn(plane, 'node-1') === 1);
  await clock.advance(nodeReturnGraceMs);
  await plane.until('the pods of the others go', () => on(plane, 'node-2').length === 0 && on(plane, 'node-3').length === 0);
  t.is(readyOn(plane, 'node-1'), 1);
});

test('the only node keeps its pods: there is no other that they could go to', async (t) => {
  const { clock, plane } = await fleet(t, 1);
  await plane.create(podKind, pod('first'));
  await plane.until('it is ready', () => readyOn(plane, 'node-1') === 1);
  plane.liveness.set('node-1', false);
  await plane.until('it is not', () => readyOn(plane, 'node-1') === 0 && effects(plane, 'node-1').length > 0);
  await clock.advance(60_000);
  t.deepEqual(effects(plane, 'node-1'), ['NoSchedule']);
  t.is(on(plane, 'node-1').length, 1);
});
