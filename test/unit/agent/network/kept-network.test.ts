import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { NetworkKeeper, readKept } from '../../../../agent/network/kept-network.ts';
import { NetworkStateStore } from '../../../../agent/network/network-state.ts';
import { networkKeptAfterMs } from '../../../../agent/limits.ts';
import { toJsonBytes } from '../../../../proto/node-service.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const welcome = {
  podCidr: '10.244.1.0/24', heartbeatPeriodMs: 1_000, clusterDomain: 'cluster.local', podNetwork: '10.244.0.0/16', podNetworkMode: 'routes', serviceNetwork: '10.96.0.0/16', dnsAddress: '10.96.0.10',
} as const;
const service = (name: string) => toJsonBytes({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1' } });
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
  store.take({ ...empty, services: names.map(service), peers: [{ name: 'other', address: '10.0.0.2', podCidr: '10.244.2.0/24' }], complete: true });
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
