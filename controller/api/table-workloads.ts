/** Columns of pods and what makes them. */
import type { Container, Deployment, KubeObject, Pod, PodDisruptionBudget, ReplicaSet, Scale } from '../../proto/resources/kubernetes.ts';
import { podStatusText, readyCounts, restartCounts } from '../../proto/resources/pod.ts';
import { selectorText } from '../../proto/resources/selector.ts';
import { ageColumn, ageOf, column, joined, type KindTable, nameColumn, nameOf, none, shortDuration, wide } from './table-column.ts';

const readinessGates = (pod: Pod): string => {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return none;
  const met = gates.filter((gate) =>
    (pod.status?.conditions ?? []).some(({ type, status }) => type === gate.conditionType && status === 'True'),
  );
  return `${met.length}/${gates.length}`;
};

const restartsText = (pod: Pod, nowMs: number): string => {
  const { restarts, lastRestartMs } = restartCounts(pod);
  return restarts > 0 && lastRestartMs !== undefined ? `${restarts} (${shortDuration(nowMs - lastRestartMs)} ago)` : String(restarts);
};

export const podTable: KindTable<Pod> = {
  columns: [
    nameColumn,
    column('Ready', 'Containers that are ready, of all.'),
    column('Status', 'The most telling word about the state of the pod.'),
    column('Restarts', 'How often containers were restarted, and when last.'),
    ageColumn,
    wide('IP', 'Address of the pod.'),
    wide('Node', 'Node that the pod is bound to.'),
    wide('Nominated Node', 'Node that is being cleared for the pod.'),
    wide('Readiness Gates', 'Conditions from outside that are met, of all that are asked for.'),
  ],
  cells(pod, nowMs) {
    const { ready, total } = readyCounts(pod);
    return [
      nameOf(pod),
      `${ready}/${total}`,
      podStatusText(pod),
      restartsText(pod, nowMs),
      ageOf(pod, nowMs),
      pod.status?.podIP || none,
      pod.spec?.nodeName || none,
      pod.status?.nominatedNodeName || none,
      readinessGates(pod),
    ];
  },
};

const templateColumns = [
  wide('Containers', 'Names of the containers in the template.'),
  wide('Images', 'Images of the containers in the template.'),
  wide('Selector', 'Labels of the pods that belong to it.'),
];

const templateCells = (object: Deployment | ReplicaSet): string[] => {
  const containers: readonly Container[] = object.spec?.template?.spec?.containers ?? [];
  return [
    joined(containers.map(({ name }) => name)),
    joined(containers.map(({ image }) => image)),
    selectorText(object.spec?.selector) || none,
  ];
};

export const deploymentTable: KindTable<Deployment> = {
  columns: [
    nameColumn,
    column('Ready', 'Pods that are ready, of those wanted.'),
    column('Up-to-date', 'Pods made from the present template.', 'integer'),
    column('Available', 'Pods that have been ready for long enough.', 'integer'),
    ageColumn,
    ...templateColumns,
  ],
  cells(deployment, nowMs) {
    const { spec, status } = deployment;
    return [
      nameOf(deployment),
      `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`,
      status?.updatedReplicas ?? 0,
      status?.availableReplicas ?? 0,
      ageOf(deployment, nowMs),
      ...templateCells(deployment),
    ];
  },
};

export const replicaSetTable: KindTable<ReplicaSet> = {
  columns: [
    nameColumn,
    column('Desired', 'Pods that are wanted.', 'integer'),
    column('Current', 'Pods that there are.', 'integer'),
    column('Ready', 'Pods that are ready.', 'integer'),
    ageColumn,
    ...templateColumns,
  ],
  cells(set, nowMs) {
    const { spec, status } = set;
    return [
      nameOf(set),
      spec?.replicas ?? 0,
      status?.replicas ?? 0,
      status?.readyReplicas ?? 0,
      ageOf(set, nowMs),
      ...templateCells(set),
    ];
  },
};

/** The subresource scale; its object is no kind of its own. */
export const scaleTable: KindTable = {
  columns: [
    nameColumn,
    column('Desired', 'Pods that are wanted.', 'integer'),
    column('Available', 'Pods that there are.', 'integer'),
    ageColumn,
  ],
  cells(object, nowMs) {
    const { spec, status } = object as KubeObject & Pick<Scale, 'spec' | 'status'>;
    return [nameOf(object), spec?.replicas ?? 0, status?.replicas ?? 0, ageOf(object, nowMs)];
  },
};

const shareText = (share: unknown): string => (share === undefined ? 'N/A' : String(share));

export const podDisruptionBudgetTable: KindTable<PodDisruptionBudget> = {
  columns: [
    nameColumn,
    column('Min Available', 'How many pods must stay available.'),
    column('Max Unavailable', 'How many pods may be unavailable.'),
    column('Allowed Disruptions', 'How many pods may be evicted now.', 'integer'),
    ageColumn,
  ],
  cells: (budget, nowMs) => [
    nameOf(budget), shareText(budget.spec?.minAvailable), shareText(budget.spec?.maxUnavailable),
    budget.status?.disruptionsAllowed ?? 0, ageOf(budget, nowMs),
  ],
};
