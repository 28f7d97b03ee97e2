/** The namespaces that the cluster cannot be without stay. */
import { forbidden } from '../../proto/errors.ts';
import { namespaceKind } from '../../proto/kinds.ts';
import type { Admitted } from './chain.ts';

const kept = new Set(['default', 'kube-system', 'kube-public']);

export const protectedNamespaces = (write: Admitted): void => {
  if (write.operation !== 'delete' || write.kind !== namespaceKind || !kept.has(write.name)) return;
  throw forbidden(namespaceKind, write.name, 'this namespace may not be deleted');
};
