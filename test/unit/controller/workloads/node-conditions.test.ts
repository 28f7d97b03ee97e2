import test from 'ava';
import { changedTaints, unknownConditions } from '../../../../controller/workloads/node-conditions.ts';
import { markedReady } from '../../../../controller/workloads/node-lifecycle.ts';
import { SubnetRange } from '../../../../controller/workloads/subnet-pool.ts';
import { evictionDueMs } from '../../../../controller/workloads/taint-eviction.ts';
import { timestamp } from '../../../../proto/process/clock.ts';
import type { Node, Taint } from '../../../../proto/resources/kubernetes.ts';
import { nodeObject, podObject } from '../../../fixtures/loop-objects.ts';

const nowMs = 1_000_000;
const own = { key: 'team', value: 'a', effect: 'NoSchedule' };
const text = (taints: readonly Taint[] | undefined): string[] | undefined => taints?.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
const withCondition = (node: Node, type: string): Node => ({ ...node, status: { ...node.status, conditions: [...(node.status?.conditions ?? []), { type, status: 'True' }] } });

test('taints follow the state of the node and leave those of people alone', (t) => {
  t.is(changedTaints(nodeObject('n', { taints: [own] }), true, true, nowMs), undefined);
  t.deepEqual(text(changedTaints(nodeObject('n', { taints: [own] }), false, true, nowMs)), ['team:NoSchedule', 'unreachable:NoSchedule', 'unreachable:NoExecute']);
  t.deepEqual(text(changedTaints(nodeObject('n', { ready: 'False' }), true, true, nowMs)), ['not-ready:NoSchedule', 'not-ready:NoExecute']);
  t.deepEqual(text(changedTaints(nodeObject('n', { unschedulable: true }), true, true, nowMs)), ['unschedulable:NoSchedule']);
  t.deepEqual(text(changedTaints(withCondition(nodeObject('n'), 'DiskPressure'), true, true, nowMs)), ['disk-pressure:NoSchedule']);
});

test('taints go when their reason is gone, and keep the time at which they came', (t) => {
  const lost = changedTaints(nodeObject('n', { taints: [own] }), false, true, nowMs) ?? [];
  t.deepEqual(changedTaints(nodeObject('n', { taints: lost }), true, true, nowMs + 5_000), [own]);
  t.is(changedTaints(nodeObject('n', { taints: lost, ready: 'Unknown' }), false, true, nowMs + 5_000), undefined);
  t.is(lost[1]?.timeAdded, timestamp(nowMs));
  t.deepEqual(text(changedTaints(nodeObject('n', { taints: lost }), false, false, nowMs)), ['team:NoSchedule', 'unreachable:NoSchedule']);
});

test('a node that is not heard of has unknown conditions, once', (t) => {
  const node = withCondition(nodeObject('n'), 'MemoryPressure');
  const conditions = unknownConditions(node, nowMs);
  t.deepEqual(conditions.map(({ type, status }) => `${type}=${status}`), ['Ready=Unknown', 'MemoryPressure=Unknown', 'DiskPressure=Unknown', 'PIDPressure=Unknown']);
  t.like(conditions[0], { reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' });
  t.like(conditions[2], { reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' });
  t.is(unknownConditions({ ...node, status: { conditions } }, nowMs + 1), conditions);
});

const taint = (key: string, addedMs?: number): Taint => ({ key, effect: 'NoExecute', ...(addedMs === undefined ? {} : { timeAdded: timestamp(addedMs) }) });
const tolerating = (key: string, tolerationSeconds?: number) =>
  podObject('p', { spec: { tolerations: [{ key, operator: 'Exists', ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }) }] } });
const seen = (): number => 500_000;

test('a pod leaves a tainted node at once, after its toleration, or never', (t) => {
  t.is(evictionDueMs(podObject('p'), [], 300, seen), Number.POSITIVE_INFINITY);
  t.is(evictionDueMs(podObject('p'), [taint('k', nowMs)], 300, seen), nowMs);
  t.is(evictionDueMs(tolerating('k'), [taint('k', nowMs)], 300, seen), Number.POSITIVE_INFINITY);
  t.is(evictionDueMs(tolerating('k', 30), [taint('k', nowMs)], 300, seen), nowMs + 30_000);
  t.is(evictionDueMs(tolerating('k', 30), [taint('k')], 300, seen), 530_000);
  t.is(evictionDueMs(tolerating('k', 30), [taint('k', nowMs), taint('other', nowMs)], 300, seen), nowMs);
  t.is(evictionDueMs(podObject('p'), [{ key: 'k', effect: 'NoSchedule' }], 300, seen), Number.POSITIVE_INFINITY);
});

test('a pod that says nothing stays as long as is set on a node that failed', (t) => {
  t.is(evictionDueMs(podObject('p'), [taint('node.kubernetes.io/unreachable', nowMs)], 300, seen), nowMs + 300_000);
  t.is(evictionDueMs(podObject('p'), [taint('node.kubernetes.io/unreachable', nowMs)], 0, seen), nowMs);
  t.is(evictionDueMs(tolerating('node.kubernetes.io/unreachable', 2), [taint('node.kubernetes.io/unreachable', nowMs)], 300, seen), nowMs + 2_000);
});

test('a range is divided into subnets, in order', (t) => {
  const range = new SubnetRange('10.244.0.0/16', 24);
  t.is(range.size, 256);
  t.deepEqual([0, 1, 255].map((index) => range.at(index)), ['10.244.0.0/24', '10.244.1.0/24', '10.244.255.0/24']);
  t.deepEqual([0, 3].map((index) => new SubnetRange('192.168.4.77/24', 26).at(index)), ['192.168.4.0/26', '192.168.4.192/26']);
  for (const [text, bits] of [['10.244.0.0', 24], ['10.244.0.300/16', 24], ['10.244.0.0/16', 12]] as const) {
    t.throws(() => new SubnetRange(text, bits), { name: 'AssertionError' });
  }
});

test('pods of a lost node are not ready, and what was marked so is unmarked when it is back', (t) => {
  const withReady = (status: string, reason?: string) => ({ ...podObject('p'), status: { conditions: [{ type: 'Ready', status, ...(reason ? { reason } : {}) }] } });
  t.deepEqual(markedReady(withReady('True'), false), { type: 'Ready', status: 'False', reason: 'NodeNotReady' });
  t.is(markedReady(withReady('False', 'ContainersNotReady'), false), undefined);
  t.deepEqual(markedReady(withReady('False', 'NodeNotReady'), true), { type: 'Ready', status: 'True' });
  t.is(markedReady(withReady('False', 'ContainersNotReady'), true), undefined);
  t.is(markedReady(withReady('True'), true), undefined);
});
