/** Requests and limits as cgroup settings and OOM scores, by Kubernetes' formulas. Pure. */
import { isSidecar } from '../../proto/resources/pod.ts';
import { qosClass } from '../../proto/resources/qos.ts';
import type { Container, Pod } from '../../proto/resources/kubernetes.ts';
import { milliValue, wholeValue } from '../../proto/resources/quantity.ts';
import type { LinuxResources } from './cri-messages.ts';

const periodUs = 100_000;
const quotaUsMin = 1000;
const sharesMin = 2;
const sharesMax = 262_144;
/** Priorities from here on belong to what keeps the node alive. */
const nodeCriticalPriority = 2_000_001_000;

export const cpuShares = (milli: number): number => Math.min(Math.max(Math.floor((milli * 1024) / 1000), sharesMin), sharesMax);

/** 0 is no limit. */
export const cpuQuota = (milli: number): number => (milli === 0 ? 0 : Math.max(Math.floor((milli * periodUs) / 1000), quotaUsMin));

/** cgroup v2's weight (1 to 10000) for v1's shares (2 to 262144), as runc converts them. */
export const cpuWeight = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262_142);

/** The request that has these shares; the least share is that of no request. */
export const milliOfShares = (shares: number): number => (shares <= sharesMin ? 0 : Math.ceil((shares * 1000) / 1024));

/** The middle of the requests that have this weight: it is a coarser measure. */
export const milliOfWeight = (weight: number): number => (weight <= 1 ? 0 : milliOfShares(sharesMin + Math.round(((weight - 0.5) * 262_142) / 9999)));

const cpu = (list: Readonly<Record<string, string>> | undefined): number => (list?.cpu === undefined ? 0 : milliValue(list.cpu));
const memory = (list: Readonly<Record<string, string>> | undefined): number => (list?.memory === undefined ? 0 : wholeValue(list.memory));

/** A request that is not set is the limit. */
const cpuRequest = ({ resources }: Container): number => cpu(resources?.requests) || cpu(resources?.limits);
const memoryRequest = ({ resources }: Container): number => memory(resources?.requests) || memory(resources?.limits);

/** -997 to 1000: guaranteed pods die last, best-effort pods first, the rest by the share of memory that they asked for. */
export const oomScoreAdjust = (pod: Pod, container: Container, nodeMemoryBytes: number): number => {
  if ((pod.spec?.priority ?? 0) >= nodeCriticalPriority) return -997;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequest(container)) / nodeMemoryBytes);
  return Math.min(Math.max(score, 3), 999);
};

export const containerResources = (pod: Pod, container: Container, nodeMemoryBytes: number): LinuxResources => ({
  cpu_period: periodUs,
  cpu_quota: cpuQuota(cpu(container.resources?.limits)),
  cpu_shares: cpuShares(cpuRequest(container)),
  memory_limit_in_bytes: memory(container.resources?.limits),
  oom_score_adj: oomScoreAdjust(pod, container, nodeMemoryBytes),
});

export interface PodResources {
  readonly cpuShares: number;
  readonly cpuPeriodUs: number;
  /** 0 is no limit, as for memory. */
  readonly cpuQuotaUs: number;
  readonly memoryLimitBytes: number;
}

type Measure = (container: Container) => number;

/**
 * Regular containers and sidecars run together; each other init container runs alone, beside the sidecars that were
 * started before it.
 */
const peak = (pod: Pod, measure: Measure): number => {
  let sidecars = 0;
  let initPeak = 0;
  for (const container of pod.spec?.initContainers ?? []) {
    if (isSidecar(container)) sidecars += measure(container);
    initPeak = Math.max(initPeak, isSidecar(container) ? sidecars : sidecars + measure(container));
  }
  const lasting = (pod.spec?.containers ?? []).reduce((sum, container) => sum + measure(container), sidecars);
  return Math.max(lasting, initPeak);
};

/** What the pod asks for of the CPU. */
export const podCpuRequestMilli = (pod: Pod): number => peak(pod, cpuRequest) + cpu(pod.spec?.overhead);

/** The pod's own cgroup: a limit only where every container has one. */
export const podResources = (pod: Pod): PodResources => {
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const overhead = pod.spec?.overhead;
  const limit = (measure: Measure, extra: number): number => (all.every((container) => measure(container) > 0) ? peak(pod, measure) + extra : 0);
  return {
    cpuShares: cpuShares(podCpuRequestMilli(pod)),
    cpuPeriodUs: periodUs,
    cpuQuotaUs: cpuQuota(limit(({ resources }) => cpu(resources?.limits), cpu(overhead))),
    memoryLimitBytes: limit(({ resources }) => memory(resources?.limits), memory(overhead)),
  };
};
