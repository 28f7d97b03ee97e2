/** The revisions of a Deployment as its ReplicaSets keep them, and the patch that goes back to one. Pure; kubectl's rules. */
import { controllerOf } from '../proto/resources/meta.ts';
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../proto/resources/kubernetes.ts';
import { jsonEqual } from '../proto/schema/records.ts';
import { lastAppliedAnnotation } from './last-applied.ts';

export const changeCauseAnnotation = 'kubernetes.io/change-cause';
const revisionAnnotation = 'deployment.kubernetes.io/revision';
const hashLabel = 'pod-template-hash';

/** Annotations that a rollback leaves as they are on the Deployment. */
const ownAnnotations = new Set([
  lastAppliedAnnotation, revisionAnnotation, 'deployment.kubernetes.io/revision-history', 'deployment.kubernetes.io/desired-replicas',
  'deployment.kubernetes.io/max-replicas',
]);

export interface Revision {
  readonly number: number;
  readonly changeCause: string | undefined;
  readonly replicaSet: ReplicaSet;
}

/** Oldest first. */
export const revisionsOf = (deployment: Deployment, replicaSets: readonly ReplicaSet[]): readonly Revision[] =>
  replicaSets
    .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
    .map((set) => ({
      number: Number(set.metadata.annotations?.[revisionAnnotation] ?? 0),
      changeCause: set.metadata.annotations?.[changeCauseAnnotation],
      replicaSet: set,
    }))
    .filter(({ number }) => number > 0)
    .toSorted((a, b) => a.number - b.number);

/** A revision's template as it was written: without the label that tells ReplicaSets apart. */
export const templateOf = ({ replicaSet }: Revision): PodTemplateSpec => {
  const template = (replicaSet.spec?.template ?? {}) as PodTemplateSpec;
  const { [hashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
};

/** The revision to go back to: the given one, or with 0 the last but one. */
export const revisionToRestore = (revisions: readonly Revision[], number: number): Revision | undefined =>
  number === 0 ? revisions.at(-2) : revisions.find((revision) => revision.number === number);

const templateWithoutHash = (template: PodTemplateSpec | undefined): unknown => {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, labels } };
};

/** A JSON patch; undefined when the Deployment has that template already. */
export const restorePatch = (deployment: Deployment, revision: Revision): object[] | undefined => {
  const template = templateOf(revision);
  if (jsonEqual(templateWithoutHash(deployment.spec?.template), template)) return undefined;
  const kept = Object.entries(deployment.metadata.annotations ?? {}).filter(([name]) => ownAnnotations.has(name));
  const restored = Object.entries(revision.replicaSet.metadata.annotations ?? {}).filter(([name]) => !ownAnnotations.has(name));
  return [
    { op: 'replace', path: '/spec/template', value: template },
    // "add" puts a field in place whether it was there or not.
    { op: 'add', path: '/metadata/annotations', value: Object.fromEntries([...kept, ...restored]) },
  ];
};
