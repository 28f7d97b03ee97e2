/** Tables: what `kubectl get` prints, made on the server (meta.k8s.io/v1 Table). */
import {
  configMapKind, deploymentKind, endpointsKind, endpointSliceKind, eventKind, type Kind, leaseKind, namespaceKind, nodeKind,
  podDisruptionBudgetKind, podKind, replicaSetKind, secretKind, serviceAccountKind, serviceKind,
} from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import {
  configMapTable, eventTable, leaseTable, namespaceTable, nodeTable, plainTable, secretTable, serviceAccountTable,
} from './table-cluster.ts';
import type { Cell, KindTable } from './table-column.ts';
import { endpointSliceTable, endpointsTable, serviceTable } from './table-services.ts';
import { deploymentTable, podDisruptionBudgetTable, podTable, replicaSetTable } from './table-workloads.ts';

const entry = <T extends KubeObject>(kind: Kind, table: KindTable<T>): [Kind, KindTable] => [kind, table as unknown as KindTable];

const tables = new Map<Kind, KindTable>([
  entry(podKind, podTable),
  entry(deploymentKind, deploymentTable),
  entry(replicaSetKind, replicaSetTable),
  entry(nodeKind, nodeTable),
  entry(namespaceKind, namespaceTable),
  entry(serviceKind, serviceTable),
  entry(eventKind, eventTable),
  entry(configMapKind, configMapTable),
  entry(secretKind, secretTable),
  entry(serviceAccountKind, serviceAccountTable),
  entry(leaseKind, leaseTable),
  entry(endpointsKind, endpointsTable),
  entry(endpointSliceKind, endpointSliceTable),
  entry(podDisruptionBudgetKind, podDisruptionBudgetTable),
]);

export const tableFor = (kind: Kind): KindTable => tables.get(kind) ?? plainTable;

/** How much of each object a row carries: the query's `includeObject`. */
export type IncludeObject = 'Metadata' | 'Object' | 'None';

export const partialMetadata = ({ metadata }: KubeObject): object => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

export interface Row {
  readonly cells: readonly Cell[];
  readonly object?: object;
}

export const rowOf = (kind: Kind, object: KubeObject, include: IncludeObject, nowMs: number): Row => ({
  cells: tableFor(kind).cells(object, nowMs),
  ...(include === 'None' ? {} : { object: include === 'Object' ? object : partialMetadata(object) }),
});
