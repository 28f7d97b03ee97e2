/** The objects that this node's pods name (ConfigMap, Secret, ServiceAccount), as the session delivered them. */
import type { KubeObject } from '../proto/resources/kubernetes.ts';

export type ObjectKind = 'ConfigMap' | 'Secret' | 'ServiceAccount';

export interface NodeObjects {
  /** Undefined when it does not exist (or no session has delivered it yet). */
  get<T extends KubeObject = KubeObject>(kind: ObjectKind, namespace: string, name: string): T | undefined;
  /** Called after objects came, changed or went. */
  subscribe(onChange: (kind: ObjectKind, namespace: string, name: string) => void): { close(): void };
}
