import test from 'ava';
import { LeaseWatch } from '../../controller/nodes/lease-watch.ts';
import { unknownConditions } from '../../controller/workloads/node-conditions.ts';
import { nodeKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { systemRandom } from '../../proto/process/random.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import { startCuttingProxy } from '../fixtures/cutting-proxy.ts';
import { admin, startAgent, startPlane } from '../fixtures/node-cluster.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

test('a node is alive while its agent is heard, and gone for every controller when it is not', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  t.true(plane.liveness.ready);
  t.false(plane.liveness.isAlive('node-1'));
  const alive = new Promise<string>((resolve) => plane.liveness.subscribe(resolve));
  const proxy = await startCuttingProxy(plane.port, systemRandom);
  t.teardown(() => proxy.close());
  const agent = await startAgent(plane, { endpoints: [new URL(proxy.endpoint).host] });
  t.is(await alive, 'node-1');
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  const second = new LeaseWatch({ kv: plane.kv, ...parts });
  t.false(second.ready);
  await second.start();
  t.teardown(() => second.close());
  t.true(second.isAlive('node-1'), 'another controller sees the lease too');

  // Longer than the lease: only heartbeats can have kept it.
  await systemClock.sleep(6_000);
  t.true(plane.liveness.isAlive('node-1'));

  const dead = Promise.all([plane.liveness, second].map((one) => new Promise<string>((resolve) => one.subscribe(resolve))));
  const startMs = performance.now();
  proxy.silence();
  t.deepEqual(await dead, ['node-1', 'node-1']);
  const tookMs = performance.now() - startMs;
  t.log(`gone after ${Math.round(tookMs)} ms`);
  t.false(plane.liveness.isAlive('node-1'));
});

test('an agent that ends leaves its node alive for a while; the next one is told apart from a node without power at once', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane);
  await agent.welcomed.until(() => agent.welcomes.length === 1);
  const changes: string[] = [];
  plane.liveness.subscribe((name) => changes.push(name));
  const values: { away?: boolean }[] = [];
  const came = Promise.withResolvers<void>();
  const watch = plane.kv.watch('/berth/nodes/', (await plane.kv.revision()) + 1, {
    onEvents(events) {
      for (const event of events) values.push(event.type === 'put' ? (JSON.parse(String(event.entry.value)) as { away?: boolean }) : {});
      if (values.length >= 2) came.resolve();
    },
    onCompacted: () => undefined,
    onConnection: () => undefined,
  });
  t.teardown(() => watch.close());
  await agent.stop();
  const next = await startAgent(plane);
  await next.welcomed.until(() => next.welcomes.length === 1);
  await came.promise;
  t.deepEqual(values.map(({ away = false }) => away), [true, false]);
  t.deepEqual(changes, [], 'the node was never away');
});

test('a node that is called dead while it is heard says at once that it lives', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane);
  await agent.welcomed.until(() => agent.welcomes.length === 1);
  const ready = (): string | undefined => conditionOf(plane.reader.get<Node>(nodeKind, 'node-1')?.object.status, 'Ready')?.status;
  await plane.seen.until(() => ready() === 'True');
  // What the node loop writes, late.
  await plane.api.modify<Node>(nodeKind, 'node-1', (node) => ({ ...node, status: { ...node.status, conditions: unknownConditions(node, systemClock.nowMs()) } }), { ...admin, subresource: 'status' });
  t.is(ready(), 'Unknown');
  await plane.seen.until(() => ready() === 'True');
  t.deepEqual(plane.recorded, [], 'and nobody calls it dead for that');
});

test('a controller that starts again goes on with the lease that the node has', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane);
  await agent.welcomed.until(() => agent.welcomes.length === 1);
  const before = String((await plane.kv.get('/berth/nodes/node-1'))?.value);
  const changes: string[] = [];
  plane.liveness.subscribe((name) => changes.push(name));
  plane.server.close();
  const { server } = await plane.startServer(plane.port);
  plane.onStop(() => server.close());
  await agent.welcomed.until(() => agent.welcomes.length === 2);
  t.is(String((await plane.kv.get('/berth/nodes/node-1'))?.value), before);
  t.deepEqual(changes, [], 'the node was never away');
});
