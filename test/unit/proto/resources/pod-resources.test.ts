import test from 'ava';
import type { Container, Pod } from '../../../../proto/resources/kubernetes.ts';
import { nodeAllocatable, podRequests } from '../../../../proto/resources/pod-resources.ts';
import { nodeObject } from '../../../fixtures/loop-objects.ts';

const container = (cpu: string, more: Partial<Container> = {}): Container => ({ name: 'c', resources: { requests: { cpu } }, ...more });
const sidecar = { restartPolicy: 'Always' };
const cpuOf = (containers: Container[], initContainers: Container[] = [], overhead?: Record<string, string>): number | undefined => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: {}, spec: { containers, initContainers, ...(overhead ? { overhead } : {}) } };
  return podRequests(pod)['cpu'];
};

test('containers run together, so their requests add up', (t) => {
  t.is(cpuOf([container('100m'), container('0.2')]), 300);
});

test('init containers run one after another and before the others, so only the largest counts, where it is more', (t) => {
  t.is(cpuOf([container('100m')], [container('300m'), container('200m')]), 300);
  t.is(cpuOf([container('400m')], [container('300m'), container('200m')]), 400);
});

test('sidecars run beside the containers, and beside the init containers after them', (t) => {
  t.is(cpuOf([container('100m')], [container('50m', sidecar)]), 150);
  t.is(cpuOf([container('100m')], [container('50m', sidecar), container('300m')]), 350);
  t.is(cpuOf([container('100m')], [container('300m'), container('50m', sidecar)]), 300);
});

test('overhead comes on top', (t) => {
  t.is(cpuOf([container('100m')], [container('300m')], { cpu: '20m' }), 320);
});

test('amounts are thousandths of a core and whole units of everything else, rounded up', (t) => {
  t.deepEqual(nodeAllocatable(nodeObject('n', { allocatable: { cpu: '1500m', memory: '1Ki', pods: '10', 'example.com/gpu': '2' } })), {
    cpu: 1500, memory: 1024, pods: 10, 'example.com/gpu': 2,
  });
  t.deepEqual(nodeAllocatable({ apiVersion: 'v1', kind: 'Node', metadata: {} }), {});
});
