/** An agent that is about to end has its node emptied first: the real session, API and etcd, an agent without containers. */
import test from 'ava';
import { drainedAnnotation } from '../../controller/nodes/node-drain.ts';
import { nodeKind, podDisruptionBudgetKind, podKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import type { Node, Pod, PodDisruptionBudget } from '../../proto/resources/kubernetes.ts';
import { admin, podOn, startAgent, startPlane, type Plane } from '../fixtures/node-cluster.ts';

const longMs = 60_000;
const shortMs = 200;

const nodeIn = (plane: Plane): Node | undefined => plane.reader.get<Node>(nodeKind, 'node-1')?.object;
const podsIn = (plane: Plane): Pod[] => plane.reader.list<Pod>(podKind, 'default').map(({ object }) => object);

/** Runs what it is told to, and ends what is deleted at once. */
const startNode = async (plane: Plane) => {
  const agent = await startAgent(plane);
  const seen = new Map<string, boolean>();
  const play = (): void => {
    for (const { metadata: { uid = '', name = '', deletionTimestamp } } of agent.sink.pods.values()) {
      const gone = deletionTimestamp !== undefined;
      if (seen.get(uid) === gone) continue;
      seen.set(uid, gone);
      agent.reporter.report({ uid, namespace: 'default', name, status: { phase: gone ? 'Succeeded' : 'Running', conditions: [{ type: 'Ready', status: gone ? 'False' : 'True' }] }, gone });
    }
  };
  void agent.sink.changes.until(() => {
    play();
    return false;
  });
  return agent;
};

const createPod = (plane: Plane, name: string, labels = {}): Promise<unknown> => {
  const pod = podOn('node-1', name);
  return plane.api.create(podKind, 'default', { ...pod, metadata: { ...pod.metadata, labels } }, admin);
};

const running = (plane: Plane, count: number): Promise<void> => plane.seen.until(() => podsIn(plane).filter(({ status }) => status?.phase === 'Running').length === count);

test('its pods are evicted, it is cordoned until it is back, and a budget is asked', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  await createPod(plane, 'free');
  await createPod(plane, 'guarded', { app: 'guarded' });
  const agent = await startNode(plane);
  await running(plane, 2);
  const guard: PodDisruptionBudget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'guard', namespace: 'default' }, spec: { selector: { matchLabels: { app: 'guarded' } }, minAvailable: 1 } };
  await plane.api.create(podDisruptionBudgetKind, 'default', guard, admin);
  const allow = (disruptionsAllowed: number): Promise<unknown> =>
    plane.api.modify<PodDisruptionBudget>(podDisruptionBudgetKind, 'default/guard', (present) =>
      ({ ...present, status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1, observedGeneration: 1 } }), { ...admin, subresource: 'status' });
  await allow(0);

  t.false(await agent.drain.run(shortMs, systemClock), 'the budget does not allow it');
  await plane.seen.until(() => podsIn(plane).length === 1);
  t.is(podsIn(plane)[0]?.metadata.name, 'guarded');
  t.is(podsIn(plane)[0]?.metadata.deletionTimestamp, undefined);
  t.like(nodeIn(plane), { spec: { unschedulable: true }, metadata: { annotations: { [drainedAnnotation]: 'true' } } });
  const drained = agent.drain.run(longMs, systemClock);
  await allow(1);
  t.true(await drained);
  t.deepEqual(podsIn(plane), []);
  await agent.stop();

  const next = await startNode(plane);
  await plane.seen.until(() => nodeIn(plane)?.spec?.unschedulable === undefined);
  t.is(nodeIn(plane)?.metadata.annotations?.[drainedAnnotation], undefined);
  await createPod(plane, 'later');
  await running(plane, 1);
  await next.stop();
});

test('a session that breaks meanwhile goes on with it, and what a person cordoned stays so', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startNode(plane);
  await agent.welcomed.until(() => agent.welcomes.length === 1);
  await plane.api.modify<Node>(nodeKind, 'node-1', (present) => ({ ...present, spec: { ...present.spec, unschedulable: true } }), admin);
  await createPod(plane, 'last');
  await running(plane, 1);
  plane.server.close();
  const drained = agent.drain.run(longMs, systemClock);
  const { server } = await plane.startServer(plane.port);
  plane.onStop(() => server.close());
  t.true(await drained);
  t.deepEqual(podsIn(plane), []);
  await agent.stop();
  const next = await startNode(plane);
  await next.welcomed.until(() => next.welcomes.length === 1);
  t.true(nodeIn(plane)?.spec?.unschedulable);
});
