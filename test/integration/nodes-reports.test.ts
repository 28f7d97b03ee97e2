import test from 'ava';
import type { PodStatusReport } from '../../agent/pods/pods.ts';
import { podKind } from '../../proto/kinds.ts';
import { seededRandom } from '../../proto/process/random.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { startCuttingProxy } from '../fixtures/cutting-proxy.ts';
import { admin, podOn, startAgent, startPlane } from '../fixtures/node-cluster.ts';
import type { Plane } from '../fixtures/node-cluster.ts';

const report = (pod: Pod, phase: string, gone = false, message = ''): PodStatusReport => ({
  uid: pod.metadata.uid ?? '',
  namespace: 'default',
  name: pod.metadata.name ?? '',
  status: { phase, message, conditions: [{ type: 'Ready', status: phase === 'Running' ? 'True' : 'False' }] },
  gone,
});
const podIn = (plane: Plane, name: string): Pod | undefined => plane.reader.get<Pod>(podKind, `default/${name}`)?.object;

test('a reported status is stored at once, and conditions of others stay', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { object: pod } = await plane.api.create(podKind, 'default', podOn('node-1', 'web'), admin);
  await plane.api.modify<Pod>(podKind, 'default/web', (present) => ({ ...present, status: { ...present.status, conditions: [{ type: 'PodScheduled', status: 'True' }] } }), { ...admin, subresource: 'status' });
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.pods.size === 1);
  const startMs = performance.now();
  agent.reporter.report(report(pod, 'Running'));
  await plane.seen.until(() => podIn(plane, 'web')?.status?.phase === 'Running');
  t.log(`stored after ${(performance.now() - startMs).toFixed(1)} ms`);
  t.deepEqual(podIn(plane, 'web')?.status?.conditions?.map(({ type }) => type), ['PodScheduled', 'Ready']);
});

test('a pod that is being deleted is removed when its node says that nothing is left', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { object: pod } = await plane.api.create(podKind, 'default', podOn('node-1', 'web'), admin);
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.pods.size === 1);
  agent.reporter.report(report(pod, 'Running'));
  await plane.seen.until(() => podIn(plane, 'web')?.status?.phase === 'Running');
  await plane.api.delete(podKind, 'default', 'web', { ...admin, gracePeriodSeconds: 30 });
  await agent.sink.changes.until(() => agent.sink.pods.get(pod.metadata.uid ?? '')?.metadata.deletionTimestamp !== undefined);
  agent.reporter.report(report(pod, 'Succeeded', true));
  await plane.seen.until(() => podIn(plane, 'web') === undefined);
  await agent.sink.changes.until(() => agent.sink.pods.size === 0);
  t.deepEqual(agent.sink.names(), []);
});

test('a node cannot report on the pod of another, and what has finished does not run again', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { object: other } = await plane.api.create(podKind, 'default', podOn('node-2', 'other'), admin);
  const { object: own } = await plane.api.create(podKind, 'default', podOn('node-1', 'own'), admin);
  const { object: last } = await plane.api.create(podKind, 'default', podOn('node-1', 'last'), admin);
  const agent = await startAgent(plane);
  agent.reporter.report(report(own, 'Failed'));
  await plane.seen.until(() => podIn(plane, 'own')?.status?.phase === 'Failed');
  agent.reporter.report(report(own, 'Running'));
  agent.reporter.report(report(other, 'Running'));
  agent.reporter.report({ ...report(last, 'Running'), uid: 'of-an-earlier-pod' });
  agent.reporter.report(report(last, 'Running'));
  await plane.seen.until(() => podIn(plane, 'last')?.status?.phase === 'Running');
  t.is(podIn(plane, 'own')?.status?.phase, 'Failed');
  t.not(podIn(plane, 'other')?.status?.phase, 'Running');
});

test('reports arrive, the latest of each pod, though the connection is cut again and again', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const random = seededRandom(7);
  const proxy = await startCuttingProxy(plane.port, random);
  plane.onStop(() => proxy.close());
  const pods = await Promise.all(Array.from({ length: 20 }, async (_, index) => (await plane.api.create<Pod>(podKind, 'default', podOn('node-1', `p${index}`), admin)).object));
  const agent = await startAgent(plane, { endpoints: [proxy.endpoint.replace(/^\w+:\/\//, '')] });
  for (let round = 1; round <= 4; round += 1) {
    await agent.sink.changes.until(() => agent.sink.replaced.length >= round);
    for (const pod of pods) agent.reporter.report(report(pod, 'Running', false, `round ${round}`));
    proxy.cut();
  }
  await plane.seen.until(() => pods.every(({ metadata }) => podIn(plane, metadata.name ?? '')?.status?.message === 'round 4'));
  t.true(agent.sink.replaced.length >= 4);
});

test('reports that come while etcd is away are stored when it is back', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { object: pod } = await plane.api.create(podKind, 'default', podOn('node-1', 'web'), admin);
  const alive = new Promise<string>((resolve) => plane.liveness.subscribe(resolve));
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.pods.size === 1);
  t.is(await alive, 'node-1');
  await plane.etcd.kill();
  agent.reporter.report(report(pod, 'Pending', false, 'first'));
  agent.reporter.report(report(pod, 'Running', false, 'second'));
  t.true(plane.liveness.isAlive('node-1'), 'nobody is called dead while etcd is away');
  await plane.etcd.restart();
  await plane.seen.until(() => podIn(plane, 'web')?.status?.message === 'second');
  t.true(plane.liveness.isAlive('node-1'));
});

test('events of the agent reach the recorder', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { object: pod } = await plane.api.create<Pod>(podKind, 'default', podOn('node-1', 'web'), admin);
  const agent = await startAgent(plane);
  agent.events.add({ pod, type: 'Normal', reason: 'Pulled', message: 'image is there' });
  await plane.events.until(() => plane.recorded.length > 0);
  t.deepEqual(plane.recorded, ['Pulled: image is there']);
});
