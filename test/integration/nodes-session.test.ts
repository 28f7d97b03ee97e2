import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { ApiAddresses, apiPrefix, sessionsPrefix } from '../../controller/services/api-addresses.ts';
import { configMapKind, nodeKind, podKind, secretKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { freePorts } from '../fixtures/free-ports.ts';
import { admin, objectOf, podOn, startAgent, startPlane } from '../fixtures/node-cluster.ts';

test('an agent that says Hello gets a node object with its labels and status, and is welcomed with its subnet', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane);
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  t.deepEqual(agent.welcomes, ['10.9.0.0/24']);
  const node = plane.reader.get<Node>(nodeKind, 'node-1')?.object;
  t.is(node?.metadata.labels?.['kubernetes.io/os'], 'linux');
  t.is(node?.metadata.labels?.['evil'], undefined);
  t.is(node?.status?.capacity?.['cpu'], '4');
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready');
  t.is(ready?.status, 'True');
  t.regex(String(ready?.lastTransitionTime), /^20.*Z$/);
  agent.status.capacity.cpu = '8';
  agent.nodeChanged();
  await plane.seen.until(() => plane.reader.get<Node>(nodeKind, 'node-1')?.object.status?.capacity?.['cpu'] === '8');
});

test('a node gets its own pods and the objects that they name, first complete, then as they change', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  await plane.api.create(configMapKind, 'default', objectOf('ConfigMap', 'settings', { a: '1' }), admin);
  await plane.api.create(secretKind, 'default', objectOf('Secret', 'stranger', {}), admin);
  await plane.api.create(podKind, 'default', podOn('node-1', 'one', { volumes: [{ name: 'v', configMap: { name: 'settings' } }] }), admin);
  await plane.api.create(podKind, 'default', podOn('node-2', 'elsewhere'), admin);
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.replaced.length > 0);
  t.deepEqual(agent.sink.replaced, [['one']]);
  t.deepEqual(agent.objects.get('ConfigMap', 'default', 'settings')?.['data'], { a: '1' }, 'the object was there before its pod');
  t.is(agent.objects.get('Secret', 'default', 'stranger'), undefined);

  const changed = new Promise<string>((resolve) => agent.objects.subscribe((kind, namespace, name) => resolve(`${kind} ${namespace} ${name}`)));
  await plane.api.modify(configMapKind, 'default/settings', (present) => ({ ...present, data: { a: '2' } }), admin);
  t.is(await changed, 'ConfigMap default settings');
  t.deepEqual(agent.objects.get('ConfigMap', 'default', 'settings')?.['data'], { a: '2' });

  await plane.api.create(podKind, 'default', podOn('node-1', 'two', { containers: [{ name: 'm', image: 'i', envFrom: [{ secretRef: { name: 'stranger' } }] }] }), admin);
  await agent.sink.changes.until(() => agent.sink.names().includes('two'));
  t.truthy(agent.objects.get('Secret', 'default', 'stranger'), 'a secret that a pod names is sent before the pod');

  const one = plane.reader.get<Pod>(podKind, 'default/one')?.object;
  await plane.api.delete(podKind, 'default', 'one', { ...admin, gracePeriodSeconds: 0 });
  await agent.sink.changes.until(() => !agent.sink.pods.has(one?.metadata.uid ?? ''));
  t.deepEqual(agent.sink.names(), ['two']);
});

test('an agent is told where the controllers are, and again when that changes', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const addresses = new ApiAddresses({ kv: plane.kv, clock: systemClock, log: silentLog, prefix: sessionsPrefix });
  const api = new ApiAddresses({ kv: plane.kv, clock: systemClock, log: silentLog });
  const over = new AbortController();
  await Promise.all([addresses.start(), api.start()]);
  const { server, port } = await plane.startServer(0, '127.0.0.1', undefined, addresses);
  const registered = [api.registerAll([{ prefix: apiPrefix, name: 'one/0', address: '192.0.2.1:6443' }, { prefix: sessionsPrefix, name: 'one/0', address: '192.0.2.1:6444' }], over.signal)];
  plane.onStop(async () => {
    over.abort();
    await Promise.all(registered);
    for (const one of [addresses, api]) one.close();
    server.close();
  });
  const agent = await startAgent(plane, { endpoints: [`127.0.0.1:${port}`] });
  await agent.welcomed.until(() => agent.controllers.at(-1)?.join() === '192.0.2.1:6444');
  registered.push(addresses.register('two/0', '192.0.2.2:6444', over.signal));
  await agent.welcomed.until(() => agent.controllers.at(-1)?.join() === '192.0.2.1:6444,192.0.2.2:6444');
  t.deepEqual(api.addresses, ['192.0.2.1:6443'], 'the service kubernetes leads to the API alone');
});

test('when no controller is where they were last, one is found where they were before', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane, { endpoints: (await freePorts(2)).map((port) => `127.0.0.1:${port}`), spareEndpoints: [`127.0.0.1:${plane.port}`] });
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  t.is(agent.welcomes.length, 1);
});

test('a second session of a node ends the first', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const first = await startAgent(plane);
  await first.welcomed.until(() => first.welcomes.length === 1);
  const second = await startAgent(plane);
  await second.welcomed.until(() => second.welcomes.length === 1);
  t.is(plane.server.sessionCount, 1);
  // The first comes back, and takes over in turn: each is told apart by its certificate's name alone.
  await first.welcomed.until(() => first.welcomes.length === 2);
  t.is(plane.server.sessionCount, 1);
});

test('while the controller is away nothing is taken from the node, and on its return the complete state is exchanged', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  await plane.api.create(podKind, 'default', podOn('node-1', 'stays'), admin);
  const goes = await plane.api.create(podKind, 'default', podOn('node-1', 'goes'), admin);
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.pods.size === 2);
  plane.server.close();
  await plane.api.delete(podKind, 'default', 'goes', { ...admin, gracePeriodSeconds: 0 });
  t.true(agent.sink.pods.has(goes.object.metadata.uid ?? ''));
  const { server } = await plane.startServer(plane.port);
  plane.onStop(() => server.close());
  await agent.sink.changes.until(() => agent.sink.replaced.length === 2);
  t.deepEqual(agent.sink.replaced[1], ['stays']);
});

test('a node that is deleted while its agent runs is made again', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane);
  await agent.welcomed.until(() => agent.welcomes.length === 1);
  const before = plane.reader.get(nodeKind, 'node-1')?.object.metadata.uid;
  await plane.api.delete(nodeKind, '', 'node-1', admin);
  await agent.welcomed.until(() => agent.welcomes.length === 2);
  t.not(plane.reader.get(nodeKind, 'node-1')?.object.metadata.uid, before);
});

test('when etcd is restored under its controller, an agent comes again and is given all that is wanted, and its node is alive throughout', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const folder = await mkdtemp(join(tmpdir(), 'berth-snapshot-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const agent = await startAgent(plane);
  const deaths: string[] = [];
  plane.liveness.subscribe((name) => {
    if (!plane.liveness.isAlive(name)) deaths.push(name);
  });
  const stays = await plane.api.create(podKind, 'default', podOn('node-1', 'stays'), admin);
  await plane.api.create(podKind, 'default', podOn('node-1', 'deleted'), admin);
  await agent.sink.changes.until(() => agent.sink.pods.size === 2);
  await plane.etcd.snapshot(join(folder, 'snapshot'));
  await plane.api.create(podKind, 'default', podOn('node-1', 'made'), admin);
  await plane.api.delete(podKind, 'default', 'deleted', { ...admin, gracePeriodSeconds: 0 });
  await agent.sink.changes.until(() => agent.sink.names().join() === 'made,stays');
  const sessions = agent.welcomes.length;
  await plane.etcd.restore(join(folder, 'snapshot'));
  await agent.sink.changes.until(() => agent.sink.names().join() === 'deleted,stays');
  await agent.welcomed.until(() => agent.welcomes.length > sessions);
  t.true(agent.sink.pods.has(stays.object.metadata.uid ?? ''));
  t.deepEqual(deaths, []);
});

test('an agent goes on to the next endpoint when one does not answer', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const agent = await startAgent(plane, { endpoints: ['127.0.0.1:1', `127.0.0.1:${plane.port}`] });
  await agent.sink.changes.until(() => agent.sink.replaced.length === 1);
  t.true(agent.session.connected);
});

test('a controller whose certificate is for another address is not spoken to', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  // The certificate is for 127.0.0.1, and the whole of 127.0.0.0/8 reaches the same machine.
  const { server, port } = await plane.startServer(0, '127.0.0.2');
  plane.onStop(() => server.close());
  const agent = await startAgent(plane, { endpoints: [`127.0.0.2:${port}`] });
  const other = await startAgent(plane, { nodeName: 'node-2' });
  await other.sink.changes.until(() => other.sink.replaced.length === 1);
  t.deepEqual(agent.welcomes, []);
  t.is(server.sessionCount, 0);
});

test('a controller that ends hands its sessions over: the next one has them before the first is over, and the lease goes on', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const { server, port } = await plane.startServer();
  plane.onStop(() => server.close());
  const pod = await plane.api.create(podKind, 'default', podOn('node-1', 'stays'), admin);
  const endpoints = [`127.0.0.1:${plane.port}`, `127.0.0.1:${port}`];
  const agents = [await startAgent(plane, { endpoints }), await startAgent(plane, { endpoints, nodeName: 'node-2' })];
  for (const agent of agents) await agent.sink.changes.until(() => agent.sink.replaced.length === 1);
  const leases = async (): Promise<unknown[]> => (await plane.kv.range('/berth/nodes/')).entries.map(({ value }) => (JSON.parse(String(value)) as { lease: unknown }).lease);
  const before = await leases();
  const ends: string[] = [];
  const watch = plane.kv.watch('/berth/nodes/', (await plane.kv.revision()) + 1, {
    onEvents: (all) => ends.push(...all.flatMap((event) => (event.type === 'put' ? [] : [event.key]))),
    onCompacted: () => undefined,
    onConnection: () => undefined,
  });
  t.teardown(() => watch.close());
  // To and fro: wherever a session was, it moves once at least.
  await plane.server.handOver();
  t.is(plane.server.sessionCount, 0);
  t.is(server.sessionCount, 2);
  for (const agent of agents) t.true(agent.session.connected);
  t.deepEqual(ends, [], 'no lease ran out');
  t.deepEqual(await leases(), before, 'and none was made: who has the session is all that is written');
  t.deepEqual(agents[0]?.sink.replaced.at(-1), ['stays']);
  agents[0]?.reporter.report({ uid: pod.object.metadata.uid ?? '', namespace: 'default', name: 'stays', status: { phase: 'Running' }, gone: false });
  await plane.seen.until(() => plane.reader.get<Pod>(podKind, 'default/stays')?.object.status?.phase === 'Running');
});

test('a controller that stood still ends its sessions before it believes what waited in them', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  const pod = await plane.api.create(podKind, 'default', podOn('node-1', 'one'), admin);
  const agent = await startAgent(plane);
  await agent.sink.changes.until(() => agent.sink.replaced.length === 1);
  const phase = (): string | undefined => plane.reader.get<Pod>(podKind, 'default/one')?.object.status?.phase;
  const report = (reported: string): void => agent.reporter.report({ uid: pod.object.metadata.uid ?? '', namespace: 'default', name: 'one', status: { phase: reported }, gone: false });
  report('Running');
  await plane.seen.until(() => phase() === 'Running');
  plane.standStill();
  // Whatever comes first on the old session ends it; the next one begins with the latest.
  report('Succeeded');
  await agent.sink.changes.until(() => agent.sink.replaced.length === 2);
  await plane.seen.until(() => phase() === 'Succeeded');
  t.is(plane.server.sessionCount, 1);
  t.is(agent.welcomes.length, 2);
});
