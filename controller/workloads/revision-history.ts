/**
 * A Deployment's past: its ReplicaSets, numbered by the revision annotation. Rolling back is applying an old template
 * again; the ReplicaSet that still has it becomes the newest revision. Pure.
 */
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { sameJson } from '../api/json-equality.ts';
import { margins, wantedReplicas } from './surge.ts';

export const hashLabel = 'pod-template-hash';
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';
const rollbackAnnotations = ['deprecated.deployment.rollback.to'];

/** A Deployment's annotations that say something about the Deployment, and not about what it runs. */
const ownAnnotations: ReadonlySet<string> = new Set([
  lastAppliedAnnotation,
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  ...rollbackAnnotations,
]);

/** Room for the list of earlier revisions in its annotation. */
const historyCharactersMax = 2_000;

const withoutHash = (template: PodTemplateSpec | undefined): unknown => {
  const labels = { ...template?.metadata?.labels };
  delete labels[hashLabel];
  return { ...template, metadata: { ...template?.metadata, labels, creationTimestamp: undefined } };
};

export const byAge = (a: ReplicaSet, b: ReplicaSet): number => {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return left < right ? -1 : left > right ? 1 : (a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1;
};

/** The ReplicaSet that has the Deployment's present template; of several the oldest, so that the choice is stable. */
export const newReplicaSetOf = (deployment: Deployment, sets: readonly ReplicaSet[]): ReplicaSet | undefined => {
  const wanted = withoutHash(deployment.spec?.template);
  return sets.toSorted(byAge).find((set) => sameJson(withoutHash(set.spec?.template), wanted));
};

export const hasTemplateOf = (deployment: Deployment, set: ReplicaSet): boolean =>
  sameJson(withoutHash(set.spec?.template), withoutHash(deployment.spec?.template));

/** 0 when it has none. */
export const revisionOf = (object: ReplicaSet | Deployment): number => {
  const revision = Number(object.metadata.annotations?.[revisionAnnotation]);
  return Number.isSafeInteger(revision) && revision > 0 ? revision : 0;
};

export const replicasAnnotations = (deployment: Deployment): Record<string, string> => ({
  [desiredReplicasAnnotation]: String(wantedReplicas(deployment)),
  [maxReplicasAnnotation]: String(wantedReplicas(deployment) + margins(deployment).surge),
});

const historyAfter = (set: ReplicaSet, replaced: number): string => {
  const history = (set.metadata.annotations?.[revisionHistoryAnnotation] ?? '').split(',').filter(Boolean);
  history.push(String(replaced));
  while (history.join(',').length > historyCharactersMax) history.shift();
  return history.join(',');
};

/** The annotations that the ReplicaSet of the present template should have: what people wrote on the Deployment (a change-cause among it), and its revision. */
export const newSetAnnotations = (
  deployment: Deployment,
  set: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Record<string, string> => {
  const annotations: Record<string, string> = { ...set?.metadata.annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!ownAnnotations.has(key)) annotations[key] = value;
  }
  const revision = Math.max(0, ...oldSets.map(revisionOf)) + 1;
  const present = set ? revisionOf(set) : 0;
  if (present < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (set && present > 0) annotations[revisionHistoryAnnotation] = historyAfter(set, present);
  }
  if (set === undefined) Object.assign(annotations, replicasAnnotations(deployment));
  return annotations;
};

/** Old ReplicaSets beyond spec.revisionHistoryLimit, the oldest revisions first; one that still has pods is never among them. */
export const surplusHistory = (deployment: Deployment, oldSets: readonly ReplicaSet[]): ReplicaSet[] => {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const cleanable = oldSets.filter(
    (set) =>
      !isBeingDeleted(set) &&
      (set.spec?.replicas ?? 0) === 0 &&
      (set.status?.replicas ?? 0) === 0 &&
      (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
  );
  const surplus = oldSets.filter((set) => !isBeingDeleted(set)).length - limit;
  if (surplus <= 0) return [];
  return cleanable.toSorted((a, b) => revisionOf(a) - revisionOf(b) || byAge(a, b)).slice(0, surplus);
};
