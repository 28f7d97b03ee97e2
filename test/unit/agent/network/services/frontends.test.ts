import test from 'ava';
import { frontendsOf } from '../../../../../agent/network/services/frontends.ts';
import { serviceOf, sliceOf } from '../../../../fixtures/service-objects.ts';

const port = { port: 80, protocol: 'TCP' };
const addresses = (endpoints: readonly { readonly address: string }[] = []): string[] => endpoints.map(({ address }) => address);

test('a cluster address leads to the ready endpoints of all slices, each once', (t) => {
  const slices = [
    sliceOf('a', 8080, [{ address: '10.0.0.1' }, { address: '10.0.0.2', ready: false, serving: false }]),
    sliceOf('a', 8080, [{ address: '10.0.0.1' }, { address: '10.0.0.3', nodeName: 'me' }]),
  ];
  const [frontend, ...others] = frontendsOf(serviceOf('a', { clusterIP: '10.96.0.1', ports: [port] }), slices, 'me');
  t.is(others.length, 0);
  t.like(frontend, { address: '10.96.0.1', protocol: 'tcp', port: 80, reach: 'internal', affinitySeconds: undefined });
  t.deepEqual(frontend?.endpoints.map(({ address, port: at, isLocal }) => [address, at, isLocal]), [['10.0.0.1', 8080, false], ['10.0.0.3', 8080, true]]);
});

test('where none is ready, those that still serve while they end are used', (t) => {
  const slices = [sliceOf('a', 8080, [{ address: '10.0.0.1', ready: false, serving: true }, { address: '10.0.0.2', ready: false, serving: false }])];
  t.deepEqual(addresses(frontendsOf(serviceOf('a', { clusterIP: '10.96.0.1', ports: [port] }), slices, 'me')[0]?.endpoints), ['10.0.0.1']);
});

test('headless services and names of others have no address to serve', (t) => {
  const slices = [sliceOf('a', 8080, [{ address: '10.0.0.1' }])];
  t.deepEqual(frontendsOf(serviceOf('a', { clusterIP: 'None', ports: [port] }), slices, 'me'), []);
  t.deepEqual(frontendsOf(serviceOf('a', { type: 'ExternalName', externalName: 'example.org', ports: [port] }), slices, 'me'), []);
  t.deepEqual(frontendsOf(undefined, slices, 'me'), []);
});

test('policy Local keeps to the endpoints of this node', (t) => {
  const slices = [sliceOf('a', 8080, [{ address: '10.0.0.1' }, { address: '10.0.0.2', nodeName: 'me' }])];
  const spec = { clusterIP: '10.96.0.1', ports: [{ ...port, nodePort: 30080 }], type: 'NodePort' };
  const [inside] = frontendsOf(serviceOf('a', { ...spec, internalTrafficPolicy: 'Local' }), slices, 'me');
  t.deepEqual(addresses(inside?.endpoints), ['10.0.0.2']);
  const [cluster, node] = frontendsOf(serviceOf('a', { ...spec, externalTrafficPolicy: 'Local' }), slices, 'me');
  t.deepEqual(addresses(cluster?.endpoints), ['10.0.0.1', '10.0.0.2']);
  t.like(node, { address: undefined, port: 30080, reach: 'local' });
  t.deepEqual([addresses(node?.endpoints), addresses(node?.localEndpoints)], [['10.0.0.1', '10.0.0.2'], ['10.0.0.2']]);
});

test('external and balancers’ addresses are served as from outside; a balancer that is a proxy is not', (t) => {
  const service = serviceOf('a', { clusterIP: '10.96.0.1', type: 'LoadBalancer', externalIPs: ['192.0.2.1'], ports: [port], sessionAffinity: 'ClientIP' });
  service.status = { loadBalancer: { ingress: [{ ip: '192.0.2.2' }, { ip: '192.0.2.3', ipMode: 'Proxy' }, { hostname: 'a.example' }] } };
  const frontends = frontendsOf(service, [], 'me');
  t.deepEqual(frontends.map(({ address, reach, affinitySeconds }) => [address, reach, affinitySeconds]), [
    ['10.96.0.1', 'internal', 10_800], ['192.0.2.1', 'external', 10_800], ['192.0.2.2', 'external', 10_800],
  ]);
});
