import test from 'ava';
import { endpointSliceKind, nodeKind, serviceKind } from '../../proto/kinds.ts';
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { admin, Changes, startAgent, startPlane } from '../fixtures/node-cluster.ts';

const service = (name: string): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec: { ports: [{ port: 80 }] } });
const slice = (name: string, of: string): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.9.0.7'] }],
});

test('every agent is told all services, slices and the other nodes, then what changes; a session of later finds what went meanwhile gone', async (t) => {
  const plane = await startPlane();
  t.teardown(() => plane.stop());
  await plane.api.create(serviceKind, 'default', service('web'), admin);
  await plane.api.create(endpointSliceKind, 'default', slice('web-1', 'web'), admin);
  const [one, two] = [await startAgent(plane), await startAgent(plane, { nodeName: 'node-2' })];
  const changes = new Changes();
  for (const { network } of [one, two]) network.subscribe(changes.poke);
  const bothSee = (done: (network: typeof one.network) => boolean): Promise<void> => changes.until(() => done(one.network) && done(two.network));

  await bothSee(({ complete, peers }) => complete && peers.size === 1);
  t.deepEqual([...one.network.peers.values()], [{ name: 'node-2', address: '10.0.0.1', podCidr: '10.9.0.0/24' }]);
  t.deepEqual([...two.network.peers.keys()], ['node-1']);
  t.is(two.network.service('default/web')?.spec?.ports?.[0]?.port, 80);
  t.is(two.network.slicesOf('default/web')[0]?.endpoints[0]?.addresses[0], '10.9.0.7');

  await plane.api.create(endpointSliceKind, 'default', slice('web-2', 'web'), admin);
  await bothSee((network) => network.slicesOf('default/web').length === 2);
  await two.stop();
  await plane.api.delete(serviceKind, 'default', 'web', admin);
  await changes.until(() => one.network.service('default/web') === undefined);
  const again = await startAgent(plane, { nodeName: 'node-2', network: two.network });
  await changes.until(() => again.network.service('default/web') === undefined);
  await again.stop();
  await plane.api.delete(nodeKind, '', 'node-2', admin);
  await changes.until(() => one.network.peers.size === 0);
  t.pass();
});
