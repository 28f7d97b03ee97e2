/** The subresource scale: an autoscaling/v1 Scale as a view of the replicas of a Deployment or ReplicaSet. */
import { invalid, type FieldError, badRequest } from '../../proto/errors.ts';
import { deploymentKind, type Kind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, KubeObject, ReplicaSet, Scale } from '../../proto/resources/kubernetes.ts';
import { selectorText } from '../../proto/resources/selector.ts';

/** How paths, discovery and schemas know it. */
export const scaleKind: Pick<Kind, 'group' | 'version' | 'kind' | 'apiVersion'> = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  apiVersion: 'autoscaling/v1',
};

export const isScalable = (kind: Kind): boolean => kind === deploymentKind || kind === replicaSetKind;

export const scaleOf = (object: KubeObject): Scale => {
  const { spec, status, metadata } = object as Deployment | ReplicaSet;
  const selector = selectorText(spec?.selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: metadata.name ?? '',
      ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
      ...(metadata.uid ? { uid: metadata.uid } : {}),
      ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
      ...(metadata.creationTimestamp ? { creationTimestamp: metadata.creationTimestamp } : {}),
    },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0, ...(selector ? { selector } : {}) },
  };
};

const replicasError = (replicas: unknown): FieldError | undefined => {
  if (typeof replicas === 'number' && Number.isInteger(replicas) && replicas >= 0) return undefined;
  return {
    reason: 'FieldValueInvalid',
    field: 'spec.replicas',
    message: `Invalid value: ${JSON.stringify(replicas)}: must be greater than or equal to 0`,
  };
};

/**
 * The object with the replicas of `scale`, at the revision that it demands.
 *
 * @throws ApiError BadRequest when it is not a Scale of this object, Invalid
 */
export const withScale = (object: KubeObject, scale: Scale): KubeObject => {
  const { name = '' } = object.metadata;
  if (scale.kind !== 'Scale') throw badRequest(`expected input object type to be Scale, but ${JSON.stringify(scale.kind)}`);
  if (scale.metadata?.name && scale.metadata.name !== name) {
    throw badRequest(`the name of the object (${scale.metadata.name}) does not match the name on the URL (${name})`);
  }
  const replicas = scale.spec?.replicas ?? 0;
  const error = replicasError(replicas);
  if (error) throw invalid({ ...deploymentKind, group: scaleKind.group, kind: 'Scale' }, name, [error]);
  const { resourceVersion: _present, ...metadata } = object.metadata;
  const demanded = scale.metadata?.resourceVersion;
  return {
    ...object,
    metadata: { ...metadata, ...(demanded ? { resourceVersion: demanded } : {}) },
    spec: { ...(object['spec'] as object), replicas },
  };
};
