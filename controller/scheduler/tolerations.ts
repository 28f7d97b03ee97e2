/** Taints keep pods off a node; tolerations let some of them onto it all the same. Pure. */
import type { Pod, Taint, Toleration } from '../../proto/resources/kubernetes.ts';

/** An empty key with Exists tolerates every taint; an empty effect every effect. */
export const tolerates = (toleration: Toleration, taint: Taint): boolean => {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
};

export const isTolerated = (pod: Pod, taint: Taint): boolean =>
  (pod.spec?.tolerations ?? []).some((toleration) => tolerates(toleration, taint));

/** The first of `taints` with one of `effects` that the pod does not tolerate. */
export const untoleratedTaint = (pod: Pod, taints: readonly Taint[], effects: ReadonlySet<string>): Taint | undefined =>
  taints.find((taint) => effects.has(taint.effect) && !isTolerated(pod, taint));
