import test from 'ava';
import { serviceKind } from '../../../../proto/kinds.ts';
import type { Service } from '../../../../proto/resources/kubernetes.ts';
import { checkCreation, checkUpdate, create, type Loose, type Row, update } from './rules.ts';

const service = (): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { ports: [{ port: 80 }] } });
const set = (...fields: object[]) => (object: Loose): void => void Object.assign(object.spec, ...fields);

const rows: Row[] = [
  ['no ports', set({ ports: [] }), 'spec.ports Required'],
  ['no ports, headless', set({ ports: [], clusterIP: 'None' })],
  ['several ports', set({ ports: [{ name: 'a', port: 80 }, { name: 'b', port: 80, protocol: 'UDP' }] })],
  ['several ports without names', set({ ports: [{ port: 80 }, { port: 81 }] }), 'spec.ports[0].name Required', 'spec.ports[1].name Required'],
  ['a name and a port twice', set({ ports: [{ name: 'a', port: 80 }, { name: 'a', port: 80 }] }), 'spec.ports[1] Duplicate', 'spec.ports[1].name Duplicate'],
  ['ports out of range', set({ ports: [{ port: 0, targetPort: 70_000 }] }), 'spec.ports[0].port Invalid', 'spec.ports[0].targetPort Invalid'],
  ['a bad target name and protocol', set({ ports: [{ port: 80, targetPort: '-a', protocol: 'x' }] }), 'spec.ports[0].protocol NotSupported', 'spec.ports[0].targetPort Invalid'],
  ['a node port', set({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })],
  ['a node port of a ClusterIP', set({ ports: [{ port: 80, nodePort: 30_080 }] }), 'spec.ports[0].nodePort Forbidden'],
  ['a node port twice', set({ type: 'NodePort', ports: [{ name: 'a', port: 80, nodePort: 30_080 }, { name: 'b', port: 81, nodePort: 30_080 }] }), 'spec.ports[1].nodePort Duplicate'],
  ['an external name', set({ type: 'ExternalName', externalName: 'db.example.com.', ports: [] })],
  ['no external name', set({ type: 'ExternalName' }), 'spec.externalName Required'],
  ['an external name with an address', set({ type: 'ExternalName', externalName: 'a', clusterIP: '10.0.0.1' }), 'spec.clusterIPs Forbidden'],
  ['a bad address', set({ clusterIP: 'x' }), 'spec.clusterIPs[0] Invalid'],
  ['two first addresses', set({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.2'] }), 'spec.clusterIPs Invalid'],
  ['a headless node port', set({ type: 'NodePort', clusterIP: 'None' }), 'spec.clusterIPs[0] Invalid'],
  ['external addresses', set({ externalIPs: ['1.2.3.4', 'x', '127.0.0.1'] }), 'spec.externalIPs[1] Invalid', 'spec.externalIPs[2] Invalid'],
  ['a bad selector', set({ selector: { 'a b': 'c' } }), 'spec.selector Invalid'],
  ['an unknown type', set({ type: 'Magic' }), 'spec.type NotSupported'],
  ['affinity', set({ sessionAffinity: 'ClientIP' })],
  ['unknown affinity and policies', set({ sessionAffinity: 'x', internalTrafficPolicy: 'y', ipFamilyPolicy: 'z', ipFamilies: ['IPv5'] }), 'spec.internalTrafficPolicy NotSupported', 'spec.ipFamilies[0] NotSupported', 'spec.ipFamilyPolicy NotSupported', 'spec.sessionAffinity NotSupported'],
  ['affinity for too long', set({ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }), 'spec.sessionAffinityConfig.clientIP.timeoutSeconds Invalid'],
  ['two families', set({ ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv4', 'IPv6'] }), 'spec.ipFamilyPolicy Invalid', 'spec.ipFamilies[1] Invalid'],
  ['two families where there are', set({ ipFamilyPolicy: 'PreferDualStack' })],
  ['another family', set({ clusterIP: 'fd00::1' }), 'spec.clusterIPs[0] Invalid'],
  ['a health check port', set({ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_001 })],
  ['a health check port for nothing', set({ type: 'LoadBalancer', healthCheckNodePort: 30_001 }), 'spec.healthCheckNodePort Invalid'],
  ['an external policy without an outside', set({ externalTrafficPolicy: 'Local' }), 'spec.externalTrafficPolicy Invalid'],
  ['an unknown external policy', set({ type: 'NodePort', externalTrafficPolicy: 'x' }), 'spec.externalTrafficPolicy NotSupported'],
];

test('services are checked', (t) => checkCreation(t, serviceKind, service(), rows));

test('services get their defaults', (t) => {
  const web: Loose = service();
  create(serviceKind, web);
  t.deepEqual(web.spec, { ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }], type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] });
  t.deepEqual(web.status, { loadBalancer: {} });
  const sticky: Loose = service();
  Object.assign(sticky.spec, { type: 'LoadBalancer', sessionAffinity: 'ClientIP' });
  create(serviceKind, sticky);
  t.is(sticky.spec.externalTrafficPolicy, 'Cluster');
  t.true(sticky.spec.allocateLoadBalancerNodePorts);
  t.is(sticky.spec.sessionAffinityConfig.clientIP.timeoutSeconds, 10_800);
});

test('an address stays, also when an update leaves it out', (t) => {
  const old: Loose = service();
  old.spec.clusterIP = '10.0.0.1';
  checkUpdate(t, serviceKind, old, [
    ['other ports', (s) => void (s.spec.ports[0].port = 81)],
    ['another address', (s) => void Object.assign(s.spec, { clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] }), 'spec.clusterIPs[0] Invalid'],
  ]);
  create(serviceKind, old);
  const next: Loose = service();
  t.deepEqual(update(serviceKind, next, old), []);
  t.is(next.spec.clusterIP, '10.0.0.1');
  t.deepEqual(next.spec.clusterIPs, ['10.0.0.1']);
});

/** A service with `before` in its spec, updated to `after`; and what was wrong with that. */
const updated = (before: object, after: object): { next: Loose; errors: readonly unknown[] } => {
  const old: Loose = service();
  Object.assign(old.spec, before);
  create(serviceKind, old);
  old.status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
  const next: Loose = structuredClone(old);
  Object.assign(next.spec, after);
  return { errors: update(serviceKind, next, old), next };
};

test('what a type brought along goes with it, unless it was changed too', (t) => {
  const nodePort = { type: 'LoadBalancer', clusterIP: '10.0.0.1', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_001, ports: [{ port: 80, nodePort: 30_080 }] };
  const { next: inside, errors } = updated(nodePort, { type: 'ClusterIP' });
  t.deepEqual(errors, []);
  t.is(inside.spec.ports[0].nodePort, undefined);
  t.is(inside.spec.externalTrafficPolicy, undefined);
  t.is(inside.spec.healthCheckNodePort, undefined);
  t.is(inside.spec.allocateLoadBalancerNodePorts, undefined);
  t.is(inside.spec.clusterIP, '10.0.0.1');
  t.deepEqual(inside.status, { loadBalancer: {} });
  const { next: named } = updated(nodePort, { type: 'ExternalName', externalName: 'db.example.com' });
  t.is(named.spec.clusterIP, undefined);
  t.is(named.spec.ipFamilies, undefined);
  t.is(updated(nodePort, { type: 'ClusterIP', ports: [{ port: 80, nodePort: 30_081 }] }).errors.length, 1);
  const { next: everywhere } = updated(nodePort, { externalTrafficPolicy: 'Cluster' });
  t.is(everywhere.spec.healthCheckNodePort, undefined);
});

test('an update that leaves out ports that were given keeps them by name', (t) => {
  const ports = [{ name: 'a', port: 80, nodePort: 30_080 }, { name: 'b', port: 81, nodePort: 30_081 }];
  const { next: kept } = updated({ type: 'NodePort', ports }, { ports: [{ name: 'b', port: 82 }, { name: 'c', port: 80 }] });
  t.deepEqual(kept.spec.ports.map(({ nodePort }: Loose) => nodePort), [30_081, undefined]);
  const { next: taken } = updated({ type: 'NodePort', ports }, { ports: [{ name: 'a', port: 80 }, { name: 'c', port: 81, nodePort: 30_080 }] });
  t.deepEqual(taken.spec.ports.map(({ nodePort }: Loose) => nodePort), [undefined, 30_080]);
});
