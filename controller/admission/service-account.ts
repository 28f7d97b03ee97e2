/**
 * A pod that names no service account runs as its namespace's `default`; the deprecated field follows the present one. An account
 * that is named must be there (as Kubernetes' ServiceAccount admission). The default one may be on its way: a loop makes it.
 */
import { forbidden } from '../../proto/errors.ts';
import { podKind, serviceAccountKind } from '../../proto/kinds.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import type { Reader } from '../store/reader.ts';
import type { Admitted } from './chain.ts';

const defaultName = 'default';

export const serviceAccount = async (write: Admitted, reader: Reader): Promise<void> => {
  if (write.operation !== 'create' || write.kind !== podKind || !write.object) return;
  const { spec } = write.object as Pod;
  if (!spec) return;
  const name = spec.serviceAccountName || spec.serviceAccount || defaultName;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
  if (name === defaultName) return;
  const key = `${write.namespace}/${name}`;
  // Another controller may have created it a moment ago.
  if (!reader.get(serviceAccountKind, key)) await reader.current();
  if (reader.get(serviceAccountKind, key)) return;
  throw forbidden(podKind, write.name, `error looking up service account ${key}: serviceaccount "${name}" not found`);
};
