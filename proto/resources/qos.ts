/** The quality of service that a pod's resources earn it: it decides cgroup parents, OOM scores and who is evicted first. */
import type { Container, PodSpec } from './kubernetes.ts';
import { compareQuantities, isQuantity } from './quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const deciding = ['cpu', 'memory'] as const;

/** The quantity when it is set, well formed and above zero: zero counts as not set. */
const positive = (quantities: Readonly<Record<string, string>> | undefined, resource: string): string | undefined => {
  const quantity = quantities?.[resource];
  return quantity !== undefined && isQuantity(quantity) && compareQuantities(quantity, 0) > 0 ? quantity : undefined;
};

const isGuaranteed = (container: Container): boolean =>
  deciding.every((resource) => {
    const limit = positive(container.resources?.limits, resource);
    if (limit === undefined) return false;
    const request = positive(container.resources?.requests, resource) ?? limit;
    return compareQuantities(request, limit) === 0;
  });

const isBestEffort = (container: Container): boolean =>
  deciding.every(
    (resource) =>
      positive(container.resources?.limits, resource) === undefined &&
      positive(container.resources?.requests, resource) === undefined,
  );

/** As Kubernetes' ComputePodQOS: over containers and init containers; ephemeral ones have no resources. */
export const qosClass = (pod: { readonly spec?: PodSpec | undefined }): QosClass => {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  if (containers.every(isBestEffort)) return 'BestEffort';
  return containers.every(isGuaranteed) ? 'Guaranteed' : 'Burstable';
};
