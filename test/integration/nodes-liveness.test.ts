import test from 'ava';
import { LeaseWatch } from '../../controller/nodes/lease-watch.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { systemRandom } from '../../proto/process/random.ts';
import { startAgent, startPlane } from '../fixtures/node-cluster.ts';

const parts = { clock: systemClock, random: systemRandom, log: silentLog };

test('a node is alive while its agent is heard, and gone for every controller when it is not', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  t.true(plane.liveness.ready);
  t.false(plane.liveness.isAlive('node-1'));
  const alive = new Promise<string>((resolve) => plane.liveness.subscribe(resolve));
  const agent = await startAgent(plane);
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
  await agent.stop();
  t.deepEqual(await dead, ['node-1', 'node-1']);
  const tookMs = performance.now() - startMs;
  t.log(`gone after ${Math.round(tookMs)} ms`);
  t.false(plane.liveness.isAlive('node-1'));
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
