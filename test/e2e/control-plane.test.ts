/** A control plane of three controllers and three members of etcd: any one of them may go, all may be restarted in turn, and the power may fail. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { openContext } from '../../cli/context.ts';
import { type EtcdMember, etcdMembers } from '../../cli/local/etcd.ts';
import { clusterProcesses, ended, kill } from '../../cli/local/processes.ts';
import { paths, readSettings } from '../../cli/local/settings.ts';
import { createEtcdKv } from '../../controller/store/etcd.ts';
import type { Kv } from '../../controller/store/kv.ts';
import type { Client } from '../../proto/client.ts';
import { configMapKind, deploymentKind, nodeKind, podKind, serviceKind } from '../../proto/kinds.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { systemRandom } from '../../proto/process/random.ts';
import type { ConfigMap, Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { eventually } from '../fixtures/eventually.ts';
import { steady, createPersistently, writeStream } from '../fixtures/steady-load.ts';
import { allReady, deployment, watchPods } from '../fixtures/workload.ts';

interface Context {
  cluster: ClusterFixture;
  kv: Kv;
  /** Where the service answers. */
  url: string;
}

const test = anyTest.serial as TestFn<Context>;
const name = 'web';
const waitMs = 60_000;
const controllers = ['controller-1', 'controller-2', 'controller-3'];
const electionKey = '/berth/election/loops';

const membersOf = ({ dataDir }: ClusterFixture): readonly EtcdMember[] => {
  const settings = readSettings(dataDir);
  return settings ? etcdMembers(settings) : [];
};

const kvOf = ({ dataDir }: ClusterFixture, members: readonly EtcdMember[]): Kv => {
  const pem = (file: string): Buffer => readFileSync(join(paths(dataDir).pki, file));
  return createEtcdKv({
    endpoints: members.map(({ clientUrl }) => clientUrl),
    tls: { ca: pem('etcd-ca.crt'), certificate: pem('etcd-client.crt'), key: pem('etcd-client.key') },
    log: silentLog, clock: systemClock, random: systemRandom,
  });
};

test.before(async (t) => {
  const cluster = await startCluster({ nodes: 2, controllers: 3, etcd: 3 });
  t.context.cluster = cluster;
  t.context.kv = kvOf(cluster, membersOf(cluster));
  const image = await pushScript(cluster, 'web:1', 'mkdir -p /www\necho here > /www/index.html\nexec httpd -f -p 8080 -h /www\n');
  const watch = await watchPods(cluster.client, name);
  await cluster.client.create(deploymentKind, 'default', deployment(name, image, 2, ['/bin/sh', '/run.sh']));
  const service = await cluster.client.create<Service>(serviceKind, 'default', {
    apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { type: 'NodePort', selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await watch.until(allReady(2));
  await watch.close();
  const node = await cluster.client.get<Node>(nodeKind, undefined, 'node-1');
  t.context.url = `http://${node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address}:${service.spec?.ports?.[0]?.nodePort}/`;
  await eventually('the service answers', () => page(t.context.url), waitMs);
});

test.after.always(async (t) => {
  await t.context.kv?.close();
  await t.context.cluster?.stop();
});

const page = async (url: string): Promise<string> => (await fetch(url, { signal: AbortSignal.timeout(20_000) })).text();

interface Term {
  readonly leader: string;
  /** Another one has another: a controller may follow itself. */
  readonly createRevision: number;
}

const termOf = (kv: Kv, after?: Term): Promise<Term> =>
  eventually('a controller leads', async () => {
    const entry = await kv.get(electionKey);
    return entry === undefined || entry.createRevision === after?.createRevision ? undefined : { leader: entry.value.toString(), createRevision: entry.createRevision };
  }, waitMs);

/** A client of its own: its connections go to whichever controller accepts them. */
const clientOf = (t: ExecutionContext<Context>): Client => {
  const { client } = openContext({ kubeconfig: t.context.cluster.kubeconfig }, process.env, systemClock);
  t.teardown(() => client.close());
  return client;
};

const scale = (client: Client, replicas: number): Promise<unknown> =>
  eventually('the scale is taken', () => client.patch(deploymentKind, 'default', name, 'merge', { spec: { replicas } }, { signal: AbortSignal.timeout(5_000) }));

const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** All pods of the deployment that there ever were, and how many there were at most at a time. */
const census = async (t: ExecutionContext<Context>) => {
  const ever = new Set<string>();
  let most = 0;
  const watch = await watchPods(clientOf(t), name, (pods) => {
    for (const uid of pods.keys()) ever.add(uid);
    most = Math.max(most, [...pods.values()].filter((pod) => !isGoing(pod)).length);
  });
  return { ...watch, ever, most: (): number => most, restarts: (): number => [...watch.pods.values()].flatMap(({ status }) => status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0) };
};

const pauseMs = 30_000;

const areReady = (count: number) => (pods: readonly Pod[]): boolean => pods.length === count && pods.every((pod) => isPodReady(pod) && !isGoing(pod));

/** As `until`, by asking: a watch may hang on the controller that stands still. */
const listed = (client: Client, count: number): Promise<true> =>
  eventually(`${count} pods are ready`, async () => {
    const { items } = await client.list<Pod>(podKind, { namespace: 'default', labelSelector: `app=${name}` }, { signal: AbortSignal.timeout(5_000) });
    return areReady(count)(items) ? true : undefined;
  }, waitMs);

test('the leader is killed during a scale: the API answers on, another one goes on with the scale, and no pod is made twice or restarted', async (t) => {
  const { cluster, kv } = t.context;
  const pods = await census(t);
  const client = clientOf(t);
  const term = await termOf(kv);
  await scale(client, 6);
  process.kill(cluster.pid(term.leader), 'SIGKILL');
  const killedMs = performance.now();
  await createPersistently(client, 'after-kill');
  const backMs = performance.now() - killedMs;
  const next = await termOf(kv, term);
  const leadsMs = performance.now() - killedMs;
  await pods.until(areReady(6), waitMs);
  t.log(`a write is taken after ${Math.round(backMs)} ms, ${next.leader} leads after ${Math.round(leadsMs)} ms, scaled after ${Math.round(performance.now() - killedMs)} ms`);
  t.true(backMs < 20_000, 'within 2 s on an idle machine');
  t.deepEqual([pods.ever.size, pods.most(), pods.restarts()], [6, 6, 0]);
  await pods.close();
});

test('the leader stands still for half a minute and goes on: another one led meanwhile, and nothing is done twice', async (t) => {
  const { cluster, kv } = t.context;
  const pods = await census(t);
  const client = clientOf(t);
  const before = await termOf(kv);
  const { leader } = before;
  const pid = cluster.pid(leader);
  process.kill(pid, 'SIGSTOP');
  const stoppedMs = performance.now();
  t.teardown(() => process.kill(pid, 'SIGCONT'));
  const next = await termOf(kv, before);
  // What it finds undone when it wakes was done by another one.
  await scale(client, 3);
  await listed(client, 3);
  await scale(client, 5);
  await listed(client, 5);
  await systemClock.sleep(Math.max(0, pauseMs - (performance.now() - stoppedMs)));
  const term = (await kv.get(electionKey))?.createRevision;
  process.kill(pid, 'SIGCONT');
  const log = join(paths(cluster.dataDir).logs, `${leader.replace('-1', '')}.log`);
  await eventually('the old leader says that it stood still', async () => (readFileSync(log, 'utf8').includes('stood still: sessions end') ? true : undefined), waitMs);
  // Through the old leader as well, which has to be of use again: each of several connections goes to whoever accepts.
  await Promise.all(Array.from({ length: 10 }, (_, at) => createPersistently(clientOf(t), `after-pause-${at}`)));
  t.is((await kv.get(electionKey))?.createRevision, term, `${next.leader} leads on`);
  await pods.until(areReady(5), waitMs);
  t.deepEqual([pods.ever.size, pods.most(), pods.restarts()], [8, 6, 0], 'six, of which three went, and two more');
  await pods.close();
});

const isStored = async (client: Client, names: readonly string[]): Promise<readonly string[]> => {
  const { items } = await eventually('config maps are listed', () => client.list<ConfigMap>(configMapKind, { namespace: 'default' }), waitMs);
  const there = new Set(items.map(({ metadata }) => metadata.name));
  return names.filter((each) => !there.has(each));
};

test('one etcd of three is killed and comes back: no write is lost, and none waits for long', async (t) => {
  const { cluster } = t.context;
  const writes = writeStream(clientOf(t), 'etcd');
  await eventually('writes are taken', async () => (writes.acknowledged.length > 10 ? true : undefined), waitMs);
  for (const member of membersOf(cluster)) {
    const pid = cluster.pid(member.name);
    process.kill(pid, 'SIGKILL');
    await ended([pid], waitMs, systemClock);
    const kv = kvOf(cluster, [member]);
    await eventually(`${member.name} is back`, () => kv.revision(), waitMs);
    await kv.close();
    const before = writes.acknowledged.length;
    await eventually('writes are taken', async () => (writes.acknowledged.length > before + 20 ? true : undefined), waitMs);
  }
  await writes.stop();
  t.log(`${writes.acknowledged.length} writes, the longest took ${Math.round(writes.longestMs())} ms`);
  t.deepEqual(writes.failures, []);
  t.true(writes.longestMs() < 30_000, 'within 3 s on an idle machine');
  t.deepEqual(await isStored(clientOf(t), writes.acknowledged), []);
  // Each controller has found an etcd that is there, before the next test counts failures.
  await Promise.all(Array.from({ length: 10 }, (_, at) => createPersistently(clientOf(t), `after-etcd-${at}`)));
});

/** Ends a process in order and waits until its next life serves. */
const restart = async ({ cluster, kv }: Context, process_: string): Promise<void> => {
  const pid = cluster.pid(process_);
  const mark = process_.startsWith('controller') ? ' serving version=' : ' running node=';
  const log = join(paths(cluster.dataDir).logs, `${process_.replace(/^controller-1$/, 'controller')}.log`);
  const lives = (): number => readFileSync(log, 'utf8').split(mark).length;
  const before = lives();
  process.kill(pid, 'SIGTERM');
  await ended([pid], waitMs, systemClock);
  await eventually(`${process_} serves again`, async () => (lives() > before ? true : undefined), waitMs).catch((error: Error) => {
    throw new Error(`${error.message}; its log ends with\n${readFileSync(log, 'utf8').split('\n').slice(-30).join('\n')}`);
  });
  await termOf(kv);
};

test('controllers and agents are restarted in turn under load: no request fails, no node is lost, no pod is restarted', async (t) => {
  const { cluster, url } = t.context;
  const pods = await census(t);
  const count = pods.ever.size;
  const clients = Array.from({ length: 4 }, () => clientOf(t));
  const [reader = cluster.client, writer = cluster.client, watcher = cluster.client, lister = cluster.client] = clients;
  const over = new AbortController();
  const seen: string[] = [];
  const { resourceVersion } = await watcher.list(configMapKind, { namespace: 'kube-public' });
  const watching = (async (): Promise<void> => {
    for await (const { type, object } of watcher.watch(configMapKind, { namespace: 'kube-public' }, resourceVersion, over.signal)) {
      if (object.metadata.name?.startsWith('rolling-')) seen.push(`${type} ${object.metadata.name}`);
    }
  })();
  let written = 0;
  const loads = {
    reads: steady(() => reader.get(deploymentKind, 'default', name), 20),
    lists: steady(() => lister.list(podKind, { namespace: 'default' }), 50),
    writes: steady(() => writer.create(configMapKind, 'kube-public', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `rolling-${written++}` } }), 20),
    pages: steady(() => page(url), 20),
  };
  for (const process_ of [...controllers, 'node-1-agent', 'node-2-agent']) await restart(t.context, process_);
  for (const load of Object.values(loads)) await load.stop();
  t.log(Object.entries(loads).map(([what, { done, failures }]) => `${what}: ${done()} done, ${failures.length} failed`).join('; '));
  t.deepEqual(Object.values(loads).flatMap(({ failures }) => failures), []);
  await eventually('the watch has seen the last write', async () => (seen.length >= written ? true : undefined), waitMs).catch((error: Error) => t.log(error.message));
  over.abort();
  await watching;
  t.deepEqual(seen, Array.from({ length: written }, (_, at) => `ADDED rolling-${at}`), 'each once and in order');
  t.deepEqual([pods.ever.size, pods.most(), pods.restarts()], [count, count, 0]);
  await pods.close();
});

test('the power fails, everything is started again: all that was acknowledged is there, and what ran runs', async (t) => {
  const { cluster, url } = t.context;
  const writes = writeStream(clientOf(t), 'power');
  await eventually('writes are taken', async () => (writes.acknowledged.length > 20 ? true : undefined), waitMs);
  const all = clusterProcesses(paths(cluster.dataDir));
  // Supervisors first, so that nothing is started again.
  await kill(all.filter(({ isSupervisor }) => isSupervisor).map(({ pid }) => pid), systemClock);
  await kill(clusterProcesses(paths(cluster.dataDir)).map(({ pid }) => pid), systemClock);
  const acknowledged = [...writes.acknowledged];
  const { code, stderr } = await cluster.berth('node', 'kill', 'node-1', 'node-2', '--data-dir', cluster.dataDir);
  t.is(code, 0, stderr);
  const startedMs = performance.now();
  await cluster.up();
  const upMs = performance.now() - startedMs;
  const watch = await watchPods(clientOf(t), name);
  await watch.until((pods) => pods.filter((pod) => isPodReady(pod) && !isGoing(pod)).length === 5, waitMs);
  t.is(await eventually('the service answers', () => page(url), waitMs), 'here\n');
  t.log(`up after ${Math.round(upMs)} ms, all pods ready after ${Math.round(performance.now() - startedMs)} ms`);
  await writes.stop();
  t.deepEqual(writes.failures, []);
  t.true(writes.acknowledged.length > acknowledged.length, 'and writes go on');
  t.deepEqual(await isStored(clientOf(t), writes.acknowledged), []);
  await watch.close();
});
