/** A pod that names no service account runs as its namespace's `default`; the deprecated field follows the present one. */
import { podKind } from '../../proto/kinds.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { Admitted } from './chain.ts';

export const serviceAccount = (write: Admitted): void => {
  if (write.operation !== 'create' || write.kind !== podKind || !write.object) return;
  const { spec } = write.object as Pod;
  if (!spec) return;
  const name = spec.serviceAccountName || spec.serviceAccount || 'default';
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
};
