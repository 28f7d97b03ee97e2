/** Small pure helpers on object metadata. */
import type { Kind } from '../kinds.ts';
import type { KubeObject, ObjectReference, OwnerReference } from './kubernetes.ts';

/** `namespace/name`, or `name` for what has no namespace: the key that queues and indexes use. */
export const objectKey = (object: KubeObject): string =>
  object.metadata.namespace ? `${object.metadata.namespace}/${object.metadata.name}` : (object.metadata.name ?? '');

/** The two halves of an `objectKey`; namespace is empty for cluster-scoped objects. */
export const splitKey = (key: string): { namespace: string; name: string } => {
  const slash = key.indexOf('/');
  return slash < 0 ? { namespace: '', name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
};

/** The owner that manages the object, if one does. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true);

/** A reference that makes `owner` the managing controller of a dependant. */
export const controllerReference = (owner: KubeObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name ?? '',
  uid: owner.metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

export const objectReference = (object: KubeObject, fieldPath?: string): ObjectReference => ({
  kind: object.kind,
  apiVersion: object.apiVersion,
  ...(object.metadata.namespace ? { namespace: object.metadata.namespace } : {}),
  name: object.metadata.name ?? '',
  uid: object.metadata.uid ?? '',
  ...(object.metadata.resourceVersion ? { resourceVersion: object.metadata.resourceVersion } : {}),
  ...(fieldPath ? { fieldPath } : {}),
});

export const isBeingDeleted = (object: KubeObject): boolean => object.metadata.deletionTimestamp !== undefined;

/** The collection's path: `/api/v1/namespaces/default/pods`, `/apis/apps/v1/deployments`. */
export const collectionPath = (kind: Kind, namespace?: string): string => {
  const root = kind.group ? `/apis/${kind.apiVersion}` : `/api/${kind.version}`;
  return kind.namespaced && namespace ? `${root}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}` : `${root}/${kind.plural}`;
};

export const objectPath = (kind: Kind, namespace: string | undefined, name: string, subresource?: string): string =>
  `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}${subresource ? `/${subresource}` : ''}`;
