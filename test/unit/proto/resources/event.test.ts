import test from 'ava';
import { eventKind, leaseKind } from '../../../../proto/kinds.ts';
import type { Event, Lease } from '../../../../proto/resources/kubernetes.ts';
import { checkCreation } from './rules.ts';

const event = (): Event => ({
  apiVersion: 'v1', kind: 'Event', metadata: { name: 'web.1', namespace: 'default' },
  involvedObject: { kind: 'Pod', namespace: 'default', name: 'web' }, reason: 'Started', message: 'up', type: 'Normal',
});

test('events are checked', (t) =>
  checkCreation(t, eventKind, event(), [
    ['an object elsewhere', (e) => void (e.involvedObject.namespace = 'other'), 'involvedObject.namespace Invalid'],
    ['an object without a namespace', (e) => void delete e.involvedObject.namespace],
    ['an object without a namespace, told in kube-system', (e) => void ((e.metadata.namespace = 'kube-system'), delete e.involvedObject.namespace), 'involvedObject.namespace Invalid'],
    ['the newer form', (e) => void Object.assign(e, { eventTime: '2026-01-01T00:00:00.000000Z', reportingComponent: 'a', reportingInstance: 'b', action: 'c' })],
    ['the newer form, incomplete', (e) => void Object.assign(e, { eventTime: '2026-01-01T00:00:00.000000Z', type: 'Bad', reason: '' }), 'action Required', 'reason Required', 'reportingController Required', 'reportingInstance Required', 'type NotSupported'],
  ]));

test('leases are checked', (t) => {
  const lease: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'a', namespace: 'default' }, spec: { leaseDurationSeconds: 15, leaseTransitions: 0 } };
  checkCreation(t, leaseKind, lease, [
    ['no duration', (l) => void (l.spec.leaseDurationSeconds = 0), 'spec.leaseDurationSeconds Invalid'],
    ['negative transitions', (l) => void (l.spec.leaseTransitions = -1), 'spec.leaseTransitions Invalid'],
  ]);
});
