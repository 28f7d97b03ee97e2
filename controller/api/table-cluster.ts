/** Columns of nodes, namespaces, events and the plain kinds. */
import type { ConfigMap, Event, KubeObject, Lease, Namespace, Node, Secret, ServiceAccount } from '../../proto/resources/kubernetes.ts';
import { ageColumn, ageOf, column, joined, type KindTable, nameColumn, nameOf, none, since, unknown, wide } from './table-column.ts';

const nodeStatus = (node: Node): string => {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  const words = [ready === 'True' ? 'Ready' : ready === 'False' ? 'NotReady' : 'Unknown'];
  if (node.spec?.unschedulable) words.push('SchedulingDisabled');
  return words.join(',');
};

const rolePrefix = 'node-role.kubernetes.io/';

const nodeRoles = ({ metadata: { labels = {} } }: Node): string =>
  joined(
    Object.entries(labels)
      .flatMap(([key, value]) => (key.startsWith(rolePrefix) ? [key.slice(rolePrefix.length)] : key === 'kubernetes.io/role' ? [value] : []))
      .toSorted(),
  );

const nodeAddress = (node: Node, wanted: string): string => node.status?.addresses?.find(({ type }) => type === wanted)?.address ?? none;

export const nodeTable: KindTable<Node> = {
  columns: [
    nameColumn,
    column('Status', 'Whether the node is ready and takes pods.'),
    column('Roles', 'Roles that its labels give it.'),
    ageColumn,
    column('Version', 'Version of its agent.'),
    wide('Internal-IP', 'Address within the cluster.'),
    wide('External-IP', 'Address outside the cluster.'),
    wide('OS-Image', 'Operating system.'),
    wide('Kernel-Version', 'Version of the kernel.'),
    wide('Container-Runtime', 'What runs the containers.'),
  ],
  cells(node, nowMs) {
    const info = node.status?.nodeInfo;
    return [
      nameOf(node), nodeStatus(node), nodeRoles(node), ageOf(node, nowMs), info?.kubeletVersion ?? '',
      nodeAddress(node, 'InternalIP'), nodeAddress(node, 'ExternalIP'),
      info?.osImage || unknown, info?.kernelVersion || unknown, info?.containerRuntimeVersion || unknown,
    ];
  },
};

export const namespaceTable: KindTable<Namespace> = {
  columns: [nameColumn, column('Status', 'Whether the namespace is in use or going away.'), ageColumn],
  cells: (namespace, nowMs) => [nameOf(namespace), namespace.status?.phase ?? '', ageOf(namespace, nowMs)],
};

const eventSource = ({ source, reportingComponent, reportingInstance }: Event): string =>
  [source?.component || reportingComponent, source?.host || reportingInstance].filter(Boolean).join(', ');

const lastSeen = (event: Event, nowMs: number): string =>
  since(event.series?.lastObservedTime || event.lastTimestamp || event.firstTimestamp || event.eventTime, nowMs);

export const eventTable: KindTable<Event> = {
  columns: [
    column('Last Seen', 'Time since it happened last.'),
    column('Type', 'Normal or Warning.'),
    column('Reason', 'Why, in one word.'),
    column('Object', 'What it is about.'),
    wide('Subobject', 'The part of the object that it is about.'),
    wide('Source', 'Who noticed.'),
    column('Message', 'What happened.'),
    wide('First Seen', 'Time since it happened first.'),
    wide('Count', 'How often it happened.', 'integer'),
    { ...nameColumn, priority: 1 },
  ],
  cells(event, nowMs) {
    const about = event.involvedObject;
    return [
      lastSeen(event, nowMs), event.type ?? '', event.reason ?? '',
      `${(about?.kind ?? '').toLowerCase()}/${about?.name ?? ''}`, about?.fieldPath ?? '', eventSource(event),
      (event.message ?? '').trim(), since(event.firstTimestamp || event.eventTime, nowMs), event.series?.count ?? event.count ?? 1, nameOf(event),
    ];
  },
};

const dataColumn = column('Data', 'How many entries it has.', 'integer');

export const configMapTable: KindTable<ConfigMap> = {
  columns: [nameColumn, dataColumn, ageColumn],
  cells: (map, nowMs) => [
    nameOf(map), Object.keys(map.data ?? {}).length + Object.keys(map.binaryData ?? {}).length, ageOf(map, nowMs),
  ],
};

export const secretTable: KindTable<Secret> = {
  columns: [nameColumn, column('Type', 'What the secret is for.'), dataColumn, ageColumn],
  cells: (secret, nowMs) => [nameOf(secret), secret.type ?? '', Object.keys(secret.data ?? {}).length, ageOf(secret, nowMs)],
};

export const serviceAccountTable: KindTable<ServiceAccount> = {
  columns: [nameColumn, column('Secrets', 'How many secrets it lists.', 'integer'), ageColumn],
  cells: (account, nowMs) => [nameOf(account), account.secrets?.length ?? 0, ageOf(account, nowMs)],
};

export const leaseTable: KindTable<Lease> = {
  columns: [nameColumn, column('Holder', 'Who holds it.'), ageColumn],
  cells: (lease, nowMs) => [nameOf(lease), lease.spec?.holderIdentity ?? '', ageOf(lease, nowMs)],
};

/** For a kind without columns of its own. */
export const plainTable: KindTable<KubeObject> = {
  columns: [nameColumn, ageColumn],
  cells: (object, nowMs) => [nameOf(object), ageOf(object, nowMs)],
};
