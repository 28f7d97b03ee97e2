/**
 * The next step of a Deployment. Pure: the Deployment, its ReplicaSets and the time in, changes out.
 *
 *     paused or scaled ──► share the new size among all sets
 *     otherwise ──► the new set exists? ── no ──► create it
 *                                        └ yes ─► RollingUpdate or Recreate: one step ── done? ──► trim the history
 */
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Deployment, Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerReference, isBeingDeleted } from '../../proto/resources/meta.ts';
import { templateHash } from '../../proto/resources/template-hash.ts';
import { sameJson } from '../api/json-equality.ts';
import { type Conditions, isComplete, progressing, withCondition } from './deployment-conditions.ts';
import { deploymentStatus } from './deployment-status.ts';
import { isScalingEvent, scaleProportionally } from './proportional-scaling.ts';
import { oldPodsRun, startNew, stopOld } from './recreate.ts';
import { activeSets, replicasOf, type Scaling } from './replica-counts.ts';
import {
  desiredReplicasAnnotation, hashLabel, maxReplicasAnnotation, newReplicaSetOf, newSetAnnotations, replicasAnnotations,
  revisionAnnotation, revisionOf, surplusHistory,
} from './revision-history.ts';
import { newSetReplicas, rollingStep } from './rolling.ts';
import { isRolling } from './surge.ts';

/** Metadata and minReadySeconds that the new set should take over from its Deployment. */
export interface Refresh {
  readonly set: ReplicaSet;
  readonly annotations: Readonly<Record<string, string>>;
  readonly minReadySeconds: number;
}

export interface DeploymentPlan {
  readonly create: ReplicaSet | undefined;
  readonly refresh: Refresh | undefined;
  readonly scale: readonly Scaling[];
  readonly remove: readonly ReplicaSet[];
  /** The revision that the Deployment should carry; undefined to leave it. */
  readonly revision: string | undefined;
  readonly conditions: Conditions;
}

export interface DeploymentView {
  readonly deployment: Deployment;
  /** The set with the present template. */
  readonly newSet: ReplicaSet | undefined;
  readonly oldSets: readonly ReplicaSet[];
  /** Pods of the old sets, in whatever state. */
  readonly oldPods: readonly Pod[];
}

export const viewOf = (
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  podsOf: (set: ReplicaSet) => readonly Pod[],
): DeploymentView => {
  const newSet = newReplicaSetOf(deployment, sets);
  const oldSets = sets.filter((set) => set !== newSet);
  // Only Recreate waits for single pods.
  return { deployment, newSet, oldSets, oldPods: isRolling(deployment) ? [] : oldSets.flatMap(podsOf) };
};

/** The ReplicaSet for the Deployment's present template. */
export const newReplicaSet = ({ deployment, oldSets }: DeploymentView): ReplicaSet => {
  const template = structuredClone(deployment.spec?.template ?? {});
  const hash = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const { minReadySeconds } = deployment.spec ?? {};
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      ...(deployment.metadata.namespace ? { namespace: deployment.metadata.namespace } : {}),
      labels,
      annotations: newSetAnnotations(deployment, undefined, oldSets),
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: newSetReplicas(deployment, oldSets, undefined),
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: {
        ...deployment.spec?.selector,
        matchLabels: { ...deployment.spec?.selector?.matchLabels, [hashLabel]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
};

const pauseConditions = (deployment: Deployment, nowMs: number): Conditions => {
  const conditions = deployment.status?.conditions ?? [];
  const known = conditionOf({ conditions }, 'Progressing');
  if (deployment.spec?.progressDeadlineSeconds === undefined || known?.reason === 'ProgressDeadlineExceeded') return conditions;
  const wasPaused = known?.reason === 'DeploymentPaused';
  if (deployment.spec.paused && !wasPaused) {
    return withCondition(conditions, progressing('Unknown', 'DeploymentPaused', 'Deployment is paused'), nowMs);
  }
  if (!deployment.spec.paused && wasPaused) {
    return withCondition(conditions, progressing('Unknown', 'DeploymentResumed', 'Deployment is resumed'), nowMs);
  }
  return conditions;
};

const refreshOf = ({ deployment, newSet, oldSets }: DeploymentView): Refresh | undefined => {
  if (newSet === undefined) return undefined;
  const annotations = newSetAnnotations(deployment, newSet, oldSets);
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
  const same = sameJson(annotations, newSet.metadata.annotations) && minReadySeconds === (newSet.spec?.minReadySeconds ?? 0);
  return same ? undefined : { set: newSet, annotations, minReadySeconds };
};

/** A single set of the right size may still carry annotations of another total; that counts as a change, too. */
const changesSomething = (deployment: Deployment) => {
  const wanted = replicasAnnotations(deployment);
  return ({ set, replicas }: Scaling): boolean =>
    replicas !== replicasOf(set) ||
    [desiredReplicasAnnotation, maxReplicasAnnotation].some((key) => set.metadata.annotations?.[key] !== wanted[key]);
};

const rolloutStep = (view: DeploymentView & { newSet: ReplicaSet }): readonly Scaling[] => {
  const { deployment, newSet, oldSets, oldPods } = view;
  if (isRolling(deployment)) return rollingStep(deployment, newSet, oldSets);
  const stopping = stopOld(oldSets);
  if (stopping.length > 0) return stopping;
  return oldPodsRun(oldSets, oldPods) ? [] : startNew(deployment, newSet);
};

/** Recreate makes nothing new while anything old runs; the first thing it does is to stop it. */
const beforeNewSet = ({ deployment, oldSets, oldPods }: DeploymentView): readonly Scaling[] | 'create' => {
  if (isRolling(deployment)) return 'create';
  const stopping = stopOld(oldSets);
  return stopping.length > 0 ? stopping : oldPodsRun(oldSets, oldPods) ? [] : 'create';
};

export const planDeployment = (view: DeploymentView, nowMs: number): DeploymentPlan => {
  const { deployment, newSet, oldSets } = view;
  const conditions = deployment.status?.conditions ?? [];
  const idle: DeploymentPlan = { create: undefined, refresh: undefined, scale: [], remove: [], revision: undefined, conditions };
  if (isBeingDeleted(deployment)) return idle;

  const refresh = refreshOf(view);
  const revision = newSet && (refresh?.annotations[revisionAnnotation] ?? newSet.metadata.annotations?.[revisionAnnotation]);
  const base: DeploymentPlan = {
    ...idle,
    refresh,
    revision: revision !== String(revisionOf(deployment)) ? revision : undefined,
    conditions: pauseConditions(deployment, nowMs),
  };
  const sets = newSet ? [...oldSets, newSet] : oldSets;
  if (deployment.spec?.paused || isScalingEvent(deployment, sets)) {
    const scale = scaleProportionally(deployment, newSet, oldSets).filter(changesSomething(deployment));
    return { ...base, scale };
  }
  if (newSet === undefined) {
    const first = beforeNewSet(view);
    if (first !== 'create') return { ...base, scale: first };
    const create = newReplicaSet(view);
    return { ...base, create, revision: create.metadata.annotations?.[revisionAnnotation] };
  }
  const scale = rolloutStep({ ...view, newSet });
  const found = conditionOf({ conditions: base.conditions }, 'Progressing')
    ? base.conditions
    : withCondition(base.conditions, progressing('True', 'FoundNewReplicaSet', `Found new replica set "${newSet.metadata.name}"`), nowMs);
  const settled = scale.length === 0 && activeSets(oldSets).length === 0
    && isComplete(deployment, deploymentStatus(deployment, newSet, oldSets, conditions, nowMs));
  return { ...base, conditions: found, scale, remove: settled ? surplusHistory(deployment, oldSets) : [] };
};
