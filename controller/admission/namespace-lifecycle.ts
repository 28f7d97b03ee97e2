/** Nothing is created in a namespace that is not there or that is going away (as Kubernetes' NamespaceLifecycle). */
import { ApiError, notFound } from '../../proto/errors.ts';
import { namespaceKind, qualifiedResource } from '../../proto/kinds.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import type { Reader } from '../store/reader.ts';
import type { Admitted } from './chain.ts';

const terminating = (write: Admitted): ApiError =>
  new ApiError(
    'Forbidden',
    `${qualifiedResource(write.kind)} "${write.name}" is forbidden: unable to create new content in namespace ${write.namespace} because it is being terminated`,
    {
      name: write.name,
      ...(write.kind.group ? { group: write.kind.group } : {}),
      kind: write.kind.plural,
      causes: [
        { reason: 'NamespaceTerminating', message: `namespace ${write.namespace} is being terminated`, field: 'metadata.namespace' },
      ],
    },
  );

export const namespaceLifecycle = async (write: Admitted, reader: Reader): Promise<void> => {
  if (write.operation !== 'create' || !write.kind.namespaced) return;
  let namespace = reader.get(namespaceKind, write.namespace);
  if (!namespace) {
    // Another controller may have created it a moment ago.
    await reader.current();
    namespace = reader.get(namespaceKind, write.namespace);
  }
  if (!namespace) throw notFound(namespaceKind, write.namespace);
  if (isBeingDeleted(namespace.object)) throw terminating(write);
};
