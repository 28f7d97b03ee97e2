import test from 'ava';
import { apiSubsets } from '../../../../controller/services/api-service.ts';
import { mirroredGroups } from '../../../../controller/services/endpoints-mirror.ts';
import { endpointFacts, endpointGroups, endpointSubsets } from '../../../../controller/services/pod-endpoints.ts';
import type { Pod, Service } from '../../../../proto/resources/kubernetes.ts';
import { podObject, type PodTraits } from '../../../fixtures/loop-objects.ts';

const service = (spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 'http', protocol: 'TCP' }], selector: { app: 'web' }, ...spec },
});

const listening = (port: number): Record<string, unknown> => ({ containers: [{ name: 'main', ports: [{ name: 'http', containerPort: port }] }] });

const podAt = (name: string, ip: string, traits: PodTraits = {}): Pod => {
  const pod = podObject(name, { node: 'n1', ...traits, spec: { ...listening(8080), ...traits.spec } });
  return { ...pod, status: { ...pod.status, podIP: ip } };
};

test('pods are grouped by what the ports are on them', (t) => {
  const groups = endpointGroups(service(), [podAt('a', '10.0.0.1'), podAt('b', '10.0.0.2', { spec: listening(8081) }), podAt('c', '10.0.0.3')]);
  t.deepEqual(groups.map(({ ports, endpoints }) => [ports, endpoints.map(({ addresses }) => addresses[0])]), [
    [[{ name: 'http', protocol: 'TCP', port: 8080 }], ['10.0.0.1', '10.0.0.3']],
    [[{ name: 'http', protocol: 'TCP', port: 8081 }], ['10.0.0.2']],
  ]);
});

test('ready, serving and terminating are told apart; who has no address or has finished is no endpoint', (t) => {
  const pods = [
    podAt('ready', '10.0.0.1', { readySinceMs: 0 }), podAt('waiting', '10.0.0.2'), podAt('ending', '10.0.0.3', { readySinceMs: 0, deleted: true }),
    podAt('done', '10.0.0.4', { phase: 'Succeeded' }), podAt('new', ''),
  ];
  const conditions = (spec: Service['spec']) => endpointGroups(service(spec), pods).flatMap(({ endpoints }) =>
    endpoints.map(({ targetRef, conditions: { ready, serving, terminating } = {} }) => [targetRef?.name, ready, serving, terminating]));
  t.deepEqual(conditions({}), [['ready', true, true, false], ['waiting', false, false, false], ['ending', false, true, true]]);
  t.deepEqual(conditions({ publishNotReadyAddresses: true }), [['ready', true, true, false], ['waiting', true, false, false], ['ending', true, true, true]]);
  const subsets = endpointSubsets(service(), pods);
  t.deepEqual(subsets.map(({ addresses, notReadyAddresses }) => [addresses?.map(({ ip }) => ip), notReadyAddresses?.map(({ ip }) => ip)]), [[['10.0.0.1'], ['10.0.0.2']]]);
  t.deepEqual(endpointSubsets(service({ publishNotReadyAddresses: true }), pods)[0]?.addresses?.length, 3);
});

test('a pod has its hostname below the service that it names as its subdomain', (t) => {
  const pod = podAt('a', '10.0.0.1', { spec: { hostname: 'first', subdomain: 'web' } });
  t.is(endpointGroups(service(), [pod])[0]?.endpoints[0]?.hostname, 'first');
  t.is(endpointSubsets(service(), [pod])[0]?.notReadyAddresses?.[0]?.hostname, 'first');
  t.is(endpointGroups({ ...service(), metadata: { name: 'other' } }, [pod])[0]?.endpoints[0]?.hostname, undefined);
});

test('a port that a pod does not have leaves it without that port; a headless service needs none', (t) => {
  const [group] = endpointGroups(service({ ports: [{ name: 'x', port: 1, targetPort: 'nothing' }] }), [podAt('a', '10.0.0.1')]);
  t.deepEqual([group?.ports, group?.endpoints.length], [[], 1]);
  t.deepEqual(endpointSubsets(service({ ports: [{ name: 'x', port: 1, targetPort: 'nothing' }] }), [podAt('a', '10.0.0.1')]), []);
  t.deepEqual(endpointSubsets(service({ clusterIP: 'None', ports: [] }), [podAt('a', '10.0.0.1')]).map(({ ports }) => ports), [undefined]);
});

test('a change that no endpoint shows is none', (t) => {
  const pod = podAt('a', '10.0.0.1', { readySinceMs: 0 });
  t.is(endpointFacts({ ...pod, status: { ...pod.status, message: 'x' } }), endpointFacts(pod));
  t.not(endpointFacts({ ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' as never } }), endpointFacts(pod));
  t.is(endpointFacts(podAt('a', '')), '');
});

test('controllers of one port are one subset, those of others are beside it', (t) => {
  t.deepEqual(apiSubsets(['192.0.2.1:6443', '192.0.2.2:6443', '192.0.2.1:7443']), [
    { addresses: [{ ip: '192.0.2.1' }], ports: [{ name: 'https', port: 7443, protocol: 'TCP' }] },
    { addresses: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }], ports: [{ name: 'https', port: 6443, protocol: 'TCP' }] },
  ]);
});

test('Endpoints by hand are mirrored with their readiness', (t) => {
  const subsets = [{ addresses: [{ ip: '192.0.2.1' }, { ip: 'fd00::1' }], notReadyAddresses: [{ ip: '192.0.2.2' }], ports: [{ port: 80 }] }];
  t.deepEqual(mirroredGroups({ apiVersion: 'v1', kind: 'Endpoints', metadata: {}, subsets }), [{
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
    endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }, { addresses: ['192.0.2.2'], conditions: { ready: false } }],
  }]);
});
