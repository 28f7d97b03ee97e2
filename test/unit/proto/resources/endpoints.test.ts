import test from 'ava';
import { endpointsKind, endpointSliceKind, podDisruptionBudgetKind } from '../../../../proto/kinds.ts';
import { repackSubsets } from '../../../../proto/resources/endpoint-subsets.ts';
import type { Endpoints, EndpointSlice, PodDisruptionBudget } from '../../../../proto/resources/kubernetes.ts';
import { checkCreation, checkUpdate, create, type Loose } from './rules.ts';

const endpoints = (): Endpoints => ({
  apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'default' },
  subsets: [{ addresses: [{ ip: '192.0.2.1' }], ports: [{ port: 80 }] }],
});

test('Endpoints are checked', (t) => checkCreation(t, endpointsKind, endpoints(), [
  ['no subsets', (e) => void delete e.subsets],
  ['a subset of nothing', (e) => void (e.subsets[0].addresses = []), 'subsets[0] Required'],
  ['no address', (e) => void (e.subsets[0].addresses[0].ip = 'x'), 'subsets[0].addresses[0].ip Invalid'],
  ['addresses of every machine', (e) => void (e.subsets[0].notReadyAddresses = [{ ip: '127.0.0.1' }, { ip: '169.254.1.1' }, { ip: '0.0.0.0' }, { ip: '224.0.0.1' }]),
    ...[0, 1, 2, 3].map((at) => `subsets[0].notReadyAddresses[${at}].ip Invalid`)],
  ['ports without names', (e) => void e.subsets[0].ports.push({ port: 81 }), 'subsets[0].ports[0].name Required', 'subsets[0].ports[1].name Required'],
  ['a bad port', (e) => void (e.subsets[0].ports = [{ port: 0, protocol: 'x', name: 'A' }]),
    'subsets[0].ports[0].name Invalid', 'subsets[0].ports[0].port Invalid', 'subsets[0].ports[0].protocol NotSupported'],
]));

test('subsets are packed: one for each set of addresses, and packing again changes nothing', (t) => {
  const [a, b] = [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }];
  const [http, https] = [{ name: 'http', port: 80, protocol: 'TCP' }, { name: 'https', port: 443, protocol: 'TCP' }];
  const packed = repackSubsets([{ addresses: [b], ports: [http] }, { addresses: [a], ports: [https, http] }, { addresses: [b], ports: [https] }]);
  t.deepEqual(packed, [{ addresses: [a, b], ports: [http, https] }]);
  t.deepEqual(repackSubsets(packed), packed);
  t.deepEqual(repackSubsets([{ addresses: [a], ports: [http] }, { notReadyAddresses: [a], ports: [http] }]), [{ notReadyAddresses: [a], ports: [http] }]);
  const written: Loose = { ...endpoints(), subsets: [{ addresses: [b, a], ports: [http] }] };
  create(endpointsKind, written);
  t.deepEqual(written.subsets, [{ addresses: [a, b], ports: [http] }]);
});

const slice = (): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'web-x', namespace: 'default' },
  addressType: 'IPv4', endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ port: 80 }],
});

test('EndpointSlices are checked', (t) => {
  checkCreation(t, endpointSliceKind, slice(), [
    ['no type', (s) => void delete s.addressType, 'addressType Required'],
    ['no endpoints', (s) => void delete s.endpoints],
    ['an endpoint of no address', (s) => void (s.endpoints[0].addresses = []), 'endpoints[0].addresses Required'],
    ['addresses of another family', (s) => void (s.endpoints[0].addresses = ['fd00::1', '127.0.0.1']), 'endpoints[0].addresses[0] Invalid', 'endpoints[0].addresses[1] Invalid'],
    ['names', (s) => void Object.assign(s, { addressType: 'FQDN', endpoints: [{ addresses: ['db.example.com'] }] })],
    ['a bad hostname', (s) => void (s.endpoints[0].hostname = 'A'), 'endpoints[0].hostname Invalid'],
    ['too many endpoints', (s) => void (s.endpoints = Array.from({ length: 1_001 }, () => ({ addresses: ['192.0.2.1'] }))), 'endpoints TooMany'],
    ['ports of one name', (s) => void (s.ports = [{ port: 80 }, { port: 81 }]), 'ports[1].name Duplicate'],
    ['a bad port', (s) => void (s.ports = [{ name: 'A', protocol: 'x' }]), 'ports[0].name Invalid', 'ports[0].protocol NotSupported'],
  ]);
  checkUpdate(t, endpointSliceKind, slice(), [
    ['other endpoints', (s) => void (s.endpoints = [])],
    ['another type', (s) => void Object.assign(s, { addressType: 'IPv6', endpoints: [] }), 'addressType Invalid'],
  ]);
});

const budget = (): PodDisruptionBudget => ({
  apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web', namespace: 'default' },
  spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
});

test('PodDisruptionBudgets are checked', (t) => {
  checkCreation(t, podDisruptionBudgetKind, budget(), [
    ['a share', (b) => void (b.spec.minAvailable = '50%')],
    ['more than all', (b) => void (b.spec.minAvailable = '101%'), 'spec.minAvailable Invalid'],
    ['less than none', (b) => void (b.spec.minAvailable = -1), 'spec.minAvailable Invalid'],
    ['both bounds', (b) => void (b.spec.maxUnavailable = 1), 'spec Invalid'],
    ['an unknown policy', (b) => void (b.spec.unhealthyPodEvictionPolicy = 'x'), 'spec.unhealthyPodEvictionPolicy NotSupported'],
    ['a bad selector', (b) => void (b.spec.selector = { matchExpressions: [{ key: 'a', operator: 'In' }] }), 'spec.selector.matchExpressions[0].values Required'],
  ]);
  const stored: Loose = budget();
  create(podDisruptionBudgetKind, stored);
  t.deepEqual(stored.status, { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 });
});
