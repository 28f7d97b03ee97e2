import test from 'ava';
import { containerResources, cpuQuota, cpuShares, cpuWeight, oomScoreAdjust, podResources } from '../../../../agent/runtime/resources.ts';
import type { Container, Pod, PodSpec } from '../../../../proto/resources/kubernetes.ts';

const container = (requests: Record<string, string>, limits: Record<string, string> = {}, more: Partial<Container> = {}): Container => ({ name: 'c', resources: { requests, limits }, ...more });
const pod = (containers: Container[], spec: Partial<PodSpec> = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers, ...spec } });
const gigabyte = 1e9;

test('CPU becomes shares and a quota, within what the kernel takes', (t) => {
  t.deepEqual([0, 1, 250, 1000, 1e9].map(cpuShares), [2, 2, 256, 1024, 262_144]);
  t.deepEqual([0, 1, 500, 2000].map(cpuQuota), [0, 1000, 50_000, 200_000]);
  t.deepEqual([2, 1024, 262_144].map(cpuWeight), [1, 39, 10_000]);
});

test('a request that is not set is the limit', (t) => {
  const one = container({}, { cpu: '500m', memory: '64Mi' });
  t.deepEqual(containerResources(pod([one]), one, gigabyte), { cpu_period: 100_000, cpu_quota: 50_000, cpu_shares: 512, memory_limit_in_bytes: 64 << 20, oom_score_adj: -997 });
});

test('OOM scores follow the QoS class and the share of memory asked for', (t) => {
  const score = (one: Container, spec: Partial<PodSpec> = {}): number => oomScoreAdjust(pod([one], spec), one, gigabyte);
  t.is(score(container({})), 1000);
  t.is(score(container({ cpu: '1', memory: '1M' }, { cpu: '1', memory: '1M' })), -997);
  t.is(score(container({ memory: '250M' })), 750);
  t.is(score(container({ memory: '1' })), 999);
  t.is(score(container({ memory: '2G' })), 3);
  t.is(score(container({}), { priority: 2_000_001_000 }), -997);
});

test('a pod may use what its containers may together, or an init container alone where that is more', (t) => {
  const limited = container({ cpu: '100m' }, { cpu: '200m', memory: '10M' });
  t.deepEqual(podResources(pod([limited, limited])), { cpuShares: 204, cpuPeriodUs: 100_000, cpuQuotaUs: 40_000, memoryLimitBytes: 20_000_000 });
  t.is(podResources(pod([limited, container({})])).memoryLimitBytes, 0, 'no limit where one has none');
  const init = container({}, { cpu: '1', memory: '15M' });
  const sidecar = container({}, { cpu: '100m', memory: '6M' }, { restartPolicy: 'Always' });
  t.is(podResources(pod([limited], { initContainers: [init] })).memoryLimitBytes, 15_000_000);
  t.is(podResources(pod([limited], { initContainers: [sidecar, init] })).memoryLimitBytes, 21_000_000);
  t.is(podResources(pod([limited], { initContainers: [sidecar] })).memoryLimitBytes, 16_000_000);
});
