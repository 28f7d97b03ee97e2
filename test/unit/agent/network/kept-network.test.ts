import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NetworkKeeper, readKept } from '../../../../agent/network/kept-network.ts';
import { NetworkStateStore } from '../../../../agent/network/network-state.ts';
import { networkKeptAddedBytesMin, networkKeptAfterMs } from '../../../../agent/limits.ts';
import { type NetworkChanges, toJsonBytes } from '../../../../proto/node-service.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { eventually } from '../../../fixtures/eventually.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const welcome = {
  podCidr: '10.244.1.0/24', heartbeatPeriodMs: 1_000, clusterDomain: 'cluster.local', podNetwork: '10.244.0.0/16', podNetworkMode: 'routes', serviceNetwork: '10.96.0.0/16', dnsAddress: '10.96.0.10',
} as const;
const service = (name: string, resourceVersion = '1', annotations = {}) =>
  toJsonBytes({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'ns', uid: name, resourceVersion, annotations } });
const slice = (name: string, owner: string, resourceVersion = '1') =>
  toJsonBytes({ kind: 'EndpointSlice', metadata: { name, namespace: 'ns', uid: name, resourceVersion, labels: { 'kubernetes.io/service-name': owner } } });
const empty = { complete: false, services: [], slices: [], removed: [], peers: [], removedPeers: [] };

test('what a session has told is kept whole once it is complete, and read again', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-kept-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const path = join(dir, 'network.jsonl');
  t.is(await readKept(path, silentLog), undefined);
  const clock = new ManualClock();
  const store = new NetworkStateStore('me');
  const keeper = new NetworkKeeper(path, store, clock, silentLog);
  keeper.welcomed(welcome);
  store.begin();
  store.take({ ...empty, services: [service('a')] });
  await keeper.close();
  t.deepEqual(await readdir(dir), [], 'half a state is not kept');

  const next = new NetworkKeeper(path, store, clock, silentLog);
  next.welcomed(welcome);
  const names = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
  store.take({ ...empty, services: names.map((name) => service(name)), peers: [{ name: 'other', address: '10.0.0.2', podCidr: '10.244.2.0/24' }], complete: true });
  t.deepEqual(await readdir(dir), [], 'changes that come together are written once');
  await clock.advance(networkKeptAfterMs);
  await next.close();
  t.deepEqual(await readdir(dir), ['network.jsonl']);
  const kept = await readKept(path, silentLog);
  t.deepEqual(kept?.welcome, welcome);
  t.is(kept?.snapshot.services.length, 1_001);
  t.is(kept?.snapshot.peers[0]?.name, 'other');

  await writeFile(path, '{"welcome":');
  t.is(await readKept(path, silentLog), undefined, 'what is damaged is left out');
});

type Versioned = { readonly metadata: { readonly name?: string; readonly resourceVersion?: string } };

/** A state of two services and two peers that was kept whole. */
const keeping = async (t: ExecutionContext) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-kept-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const path = join(dir, 'network.jsonl');
  const clock = new ManualClock();
  const store = new NetworkStateStore('me');
  const keeper = new NetworkKeeper(path, store, clock, silentLog);
  const take = (some: Partial<NetworkChanges>): void => store.take({ ...empty, ...some });
  const versions = (objects: readonly Versioned[]): string => objects.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`).toSorted().join(' ');
  const shown = async (): Promise<string> => {
    const kept = await readKept(path, silentLog);
    if (kept === undefined) return 'nothing';
    const { services, slices, peers } = kept.snapshot;
    return [kept.welcome.clusterDomain, versions(services), versions(slices), peers.map(({ name, address }) => `${name}@${address}`).toSorted().join(' ')].join(', ');
  };
  const keeps = async (text: string): Promise<void> => {
    await clock.advance(networkKeptAfterMs);
    await eventually(`${text} is kept`, async () => (await shown()) === text || undefined);
  };
  keeper.welcomed(welcome);
  store.begin();
  const peers = ['1', '2'].map((name) => ({ name, address: `10.0.0.${name}`, podCidr: `10.244.${name}.0/24` }));
  take({ services: [service('s'), service('t')], slices: [slice('s-1', 's'), slice('s-2', 's')], peers, complete: true });
  await keeps('cluster.local, s@1 t@1, s-1@1 s-2@1, 1@10.0.0.1 2@10.0.0.2');
  return { path, keeper, take, keeps, shown };
};

test('what changes is added, and the rest is not written again', async (t) => {
  const { path, keeper, take, keeps } = await keeping(t);
  const whole = await readFile(path, 'utf8');
  const { ino } = await stat(path);
  take({ services: [service('s', '2')], slices: [slice('s-1', 's', '2')], removed: [{ kind: 'Service', namespace: 'ns', name: 't' }] });
  take({ peers: [{ name: '2', address: '10.0.0.9', podCidr: '10.244.2.0/24' }], removedPeers: ['1'] });
  await keeps('cluster.local, s@2, s-1@2 s-2@1, 2@10.0.0.9');
  keeper.welcomed({ ...welcome, clusterDomain: 'other' });
  take({ removed: [{ kind: 'EndpointSlice', namespace: 'ns', name: 's-2' }] });
  await keeps('other, s@2, s-1@2, 2@10.0.0.9');
  t.is((await stat(path)).ino, ino);
  const now = await readFile(path, 'utf8');
  t.true(now.startsWith(whole));
  t.is(now.slice(whole.length).trim().split('\n').length, 6);
  keeper.welcomed({ ...welcome, clusterDomain: 'other' });
  await keeper.close();
  t.is(await readFile(path, 'utf8'), now, 'a session that tells nothing new adds nothing');
});

test('what was cut off while it was added does not count; where the complete state is cut off nothing does', async (t) => {
  const { path, take, keeps, shown } = await keeping(t);
  const { size } = await stat(path);
  take({ services: [service('s', '2')] });
  await keeps('cluster.local, s@2 t@1, s-1@1 s-2@1, 1@10.0.0.1 2@10.0.0.2');
  await truncate(path, (await stat(path)).size - 1);
  t.is(await shown(), 'cluster.local, s@1 t@1, s-1@1 s-2@1, 1@10.0.0.1 2@10.0.0.2');
  await truncate(path, size - 1);
  t.is(await shown(), 'nothing');
  await writeFile(path, `${JSON.stringify({ welcome })}\n`);
  t.is(await shown(), 'nothing', 'a file that does not say how much it has');
});

test('once much was added all is written anew, and so it is when adding fails', async (t) => {
  const { path, take, keeps } = await keeping(t);
  const { ino } = await stat(path);
  const state = (version: number): string => `cluster.local, s@${version} t@1, s-1@1 s-2@1, 1@10.0.0.1 2@10.0.0.2`;
  const large = { note: 'x'.repeat(networkKeptAddedBytesMin / 2) };
  for (const version of [2, 3]) {
    take({ services: [service('s', String(version), large)] });
    await keeps(state(version));
    t.is((await stat(path)).ino, ino);
  }
  take({ services: [service('s', '4')] });
  await keeps(state(4));
  const anew = await stat(path);
  t.not(anew.ino, ino);
  t.true(anew.size < networkKeptAddedBytesMin / 2);
  await rm(path);
  take({ services: [service('s', '5')] });
  await keeps('nothing');
  take({ services: [service('s', '6')] });
  await keeps(state(6));
});
