import test from 'ava';
import { NetworkStateStore } from '../../../../agent/network/network-state.ts';
import type { NetworkChange } from '../../../../agent/network/network-state.ts';
import { toJsonBytes } from '../../../../proto/node-service.ts';
import type { NetworkChanges, Peer } from '../../../../proto/node-service.ts';

const service = (name: string, resourceVersion = '1') => toJsonBytes({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'ns', uid: name, resourceVersion } });
const slice = (name: string, of: string, resourceVersion = '1') =>
  toJsonBytes({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name, namespace: 'ns', uid: name, resourceVersion, labels: { 'kubernetes.io/service-name': of } } });
const peer = (name: string, address = '10.0.0.1'): Peer => ({ name, address, podCidr: '10.244.1.0/24' });
const changes = (some: Partial<NetworkChanges>): NetworkChanges => ({ complete: false, services: [], slices: [], removed: [], peers: [], removedPeers: [], ...some });
const watched = () => {
  const store = new NetworkStateStore('me');
  const told: string[] = [];
  store.subscribe(({ services, peers, complete }: NetworkChange) => told.push([...services, ...(peers ? ['peers'] : []), ...(complete ? ['complete'] : [])].join(' ')));
  const slicesOf = (key: string): string => store.slicesOf(key).map(({ metadata }) => metadata.name).join(' ');
  return { store, slicesOf, take: (some: Partial<NetworkChanges>) => store.take(changes(some)), told: () => told.splice(0) };
};

test('nothing is told before the state is complete, then all of it, then each change with the service that it concerns', (t) => {
  const { store, slicesOf, take, told } = watched();
  store.begin();
  take({ services: [service('a')], slices: [slice('a-1', 'a')], peers: [peer('me'), peer('other')] });
  t.deepEqual(told(), []);
  t.false(store.complete);
  take({ services: [service('b')], complete: true });
  t.deepEqual(told(), ['ns/a ns/b peers complete']);
  t.true(store.complete);
  t.deepEqual([...store.peers.keys()], ['other'], 'a node is no peer of itself');

  take({ slices: [slice('a-2', 'a')] });
  t.is(slicesOf('ns/a'), 'a-1 a-2');
  take({ slices: [slice('a-2', 'b', '2')] });
  t.deepEqual([slicesOf('ns/a'), slicesOf('ns/b')], ['a-1', 'a-2']);
  take({ removed: [{ kind: 'Service', namespace: 'ns', name: 'a' }, { kind: 'EndpointSlice', namespace: 'ns', name: 'a-1' }, { kind: 'Service', namespace: 'ns', name: 'unknown' }] });
  t.is(store.service('ns/a'), undefined);
  take({ peers: [peer('other')] });
  take({ peers: [peer('other', '10.0.0.2')] });
  take({ removedPeers: ['other'] });
  t.deepEqual(told(), ['ns/a', 'ns/a ns/b', 'ns/a', 'peers', 'peers'], 'what is the same as before is not told');
});

test('a new session tells only what is different, and takes what it does not name when it is complete', (t) => {
  const { store, slicesOf, take, told } = watched();
  store.begin();
  take({ services: [service('same'), service('changed'), service('gone')], slices: [slice('s-1', 'same'), slice('s-2', 'same')], peers: [peer('stays'), peer('leaves')], complete: true });
  told();
  store.begin();
  take({ services: [service('same')], slices: [slice('s-1', 'same')] });
  t.truthy(store.service('ns/gone'), 'until the session is complete everything stays');
  take({ services: [service('changed', '2')], peers: [peer('stays')] });
  t.deepEqual(told(), ['ns/changed']);
  take({ complete: true });
  t.deepEqual(told(), ['ns/gone ns/same peers complete']);
  t.is(slicesOf('ns/same'), 's-1');
  t.deepEqual([...store.peers.keys()], ['stays']);
});

test('what was kept serves until a session has told everything, and never replaces what one has told', (t) => {
  const before = watched();
  before.store.begin();
  before.take({ services: [service('a'), service('gone')], slices: [slice('a-1', 'a')], peers: [peer('other')], complete: true });
  const keys = [...before.store.keys()];
  const kept = {
    services: keys.flatMap((key) => before.store.service(key) ?? []), slices: keys.flatMap((key) => before.store.slicesOf(key)), peers: [...before.store.peers.values()],
  };

  const { store, slicesOf, take, told } = watched();
  t.true(store.restore(kept));
  t.deepEqual(told(), ['ns/a ns/gone peers complete']);
  t.is(slicesOf('ns/a'), 'a-1');
  store.begin();
  take({ services: [service('a')], slices: [slice('a-1', 'a')], peers: [peer('other')], complete: true });
  t.deepEqual(told(), ['ns/gone complete']);

  const late = watched();
  late.store.begin();
  late.take({ services: [service('new')] });
  t.false(late.store.restore(kept));
  t.deepEqual([...late.store.serviceKeys()], ['ns/new']);
});
