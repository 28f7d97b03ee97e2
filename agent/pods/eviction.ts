/** Pods that use more of the node's disk than they said they would. Pure. */
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { compareQuantities } from '../../proto/resources/quantity.ts';

export const evictedReason = 'Evicted';

const limitedVolumes = (pod: Pod): readonly { readonly name: string; readonly sizeLimit: string }[] =>
  (pod.spec?.volumes ?? []).flatMap(({ name, emptyDir }) => {
    // In memory the file system itself holds the limit.
    if (emptyDir?.sizeLimit === undefined || emptyDir.medium === 'Memory') return [];
    return compareQuantities(emptyDir.sizeLimit, 0) > 0 ? [{ name, sizeLimit: emptyDir.sizeLimit }] : [];
  });

/** Whether the pod's usage is worth asking for. */
export const hasVolumeLimits = (pod: Pod): boolean => limitedVolumes(pod).length > 0;

/** Kubernetes' words on the first volume that is over its limit. @param usage bytes by volume name */
export const overVolumeLimit = (pod: Pod, usage: ReadonlyMap<string, number>): string | undefined => {
  const over = limitedVolumes(pod).find(({ name, sizeLimit }) => compareQuantities(usage.get(name) ?? 0, sizeLimit) > 0);
  return over && `Usage of EmptyDir volume "${over.name}" exceeds the limit "${over.sizeLimit}". `;
};
