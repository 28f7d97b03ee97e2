import test from 'ava';
import { nodeKind } from '../../../../proto/kinds.ts';
import type { Node } from '../../../../proto/resources/kubernetes.ts';
import { brief, checkCreation, checkUpdate, create, type Loose, type Row, update } from './rules.ts';

const node = (): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' }, status: { capacity: { cpu: '4', memory: '1024Mi' } } });

const rows: Row[] = [
  ['a namespace', (n) => void (n.metadata.namespace = 'a'), 'metadata.namespace Forbidden'],
  ['taints', (n) => void (n.spec = { taints: [{ key: 'a', effect: 'NoSchedule' }, { key: 'a', effect: 'NoExecute', value: 'x' }] })],
  ['a taint twice', (n) => void (n.spec = { taints: [{ key: 'a', effect: 'NoSchedule' }, { key: 'a', effect: 'NoSchedule' }] }), 'spec.taints[1] Duplicate'],
  ['bad taints', (n) => void (n.spec = { taints: [{ key: 'a b', effect: 'x', value: '-' }, { key: 'a' }] }), 'spec.taints[0].effect NotSupported', 'spec.taints[0].key Invalid', 'spec.taints[0].value Invalid', 'spec.taints[1].effect Required'],
  ['subnets', (n) => void (n.spec = { podCIDRs: ['10.0.0.0/24', '2001:db8::/64'] })],
  ['no subnets', (n) => void (n.spec = { podCIDRs: ['10.0.0.0', '10.0.0.0/33', '2001:db8::/129'] }), ...[0, 1, 2].map((at) => `spec.podCIDRs[${at}] Invalid`)],
  ['no subnet', (n) => void (n.spec = { podCIDR: 'x' }), 'spec.podCIDRs[0] Invalid'],
  ['an address twice', (n) => void (n.status.addresses = [1, 2].map(() => ({ type: 'InternalIP', address: '1.2.3.4' }))), 'status.addresses[1] Duplicate'],
  ['bad capacity', (n) => void (n.status.capacity = { cpu: '-1', memory: 'x' }), ...['allocatable', 'capacity'].flatMap((field) => [`status.${field}[cpu] Invalid`, `status.${field}[memory] Invalid`])],
];

test('nodes are checked', (t) => checkCreation(t, nodeKind, node(), rows));

test('a node registers with its status, and all of it is allocatable unless said otherwise', (t) => {
  const fresh = node();
  create(nodeKind, fresh);
  t.deepEqual(fresh.status, { capacity: { cpu: '4', memory: '1Gi' }, allocatable: { cpu: '4', memory: '1Gi' } });
});

test('subnet and provider are set once', (t) => {
  checkUpdate(t, nodeKind, node(), [['set', (n) => void (n.spec = { podCIDR: '10.0.0.0/24', providerID: 'x' })]]);
  const routed: Loose = { ...node(), spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'], providerID: 'x' } };
  checkUpdate(t, nodeKind, routed, [
    ['cordoned', (n) => void (n.spec.unschedulable = true)],
    ['changed', (n) => void (n.spec = { podCIDR: '10.0.1.0/24', podCIDRs: ['10.0.1.0/24'] }), 'spec.podCIDR Forbidden', 'spec.podCIDRs Forbidden', 'spec.providerID Forbidden'],
  ]);
});

test('a status is checked when it is reported', (t) => {
  const old = node();
  create(nodeKind, old);
  const next: Node = { ...structuredClone(old), status: { capacity: { cpu: '-4' } } };
  t.deepEqual(brief(update(nodeKind, next, old, 'status')), ['status.allocatable[cpu] Invalid', 'status.capacity[cpu] Invalid']);
});
