/** Nodes, namespaces, services: what the cluster is made of. */
import { endpointSliceKind, leaseKind, podKind } from '../../proto/kinds.ts';
import type { EndpointSlice, Lease, Namespace, Node, Pod, Service } from '../../proto/resources/kubernetes.ts';
import { nodeAllocatable, podRequests } from '../../proto/resources/pod-resources.ts';
import { formatBytes, formatMilli } from '../../proto/resources/quantity.ts';
import { conditionRows, pairLines, sinceText } from './layout.ts';
import { type Describer, headEntries } from './subject.ts';

const requestsText = (pod: Pod): readonly [cpu: string, memory: string] => {
  const requests = podRequests(pod);
  return [formatMilli(requests['cpu'] ?? 0), formatBytes(requests['memory'] ?? 0)];
};

/** What is given away of what there is: `250m (6%)`. */
const allocated = (node: Node, pods: readonly Pod[], resource: 'cpu' | 'memory'): string => {
  const total = nodeAllocatable(node)[resource] ?? 0;
  const sum = pods.reduce((amount, pod) => amount + (podRequests(pod)[resource] ?? 0), 0);
  return `${resource === 'cpu' ? formatMilli(sum) : formatBytes(sum)}${total > 0 ? ` (${Math.round((100 * sum) / total)}%)` : ''}`;
};

export const describeNode: Describer<Node> = async (subject) => {
  const { object, client, nowMs } = subject;
  const { spec, status } = object;
  const name = object.metadata.name ?? '';
  const { items } = await client.list<Pod>(podKind, { fieldSelector: `spec.nodeName=${name}` });
  const running = items.filter((pod) => pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');
  const lease = await client.get<Lease>(leaseKind, 'kube-node-lease', name).catch(() => undefined);
  const info = status?.nodeInfo;
  return [
    ...headEntries(subject),
    ['Addresses', (status?.addresses ?? []).map(({ type, address }) => `${type}: ${address}`)],
    ['Schedulable', spec?.unschedulable ? 'no, it is cordoned' : 'yes'],
    ['Taints', spec?.taints?.length ? spec.taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ''}:${effect}`) : '<none>'],
    ['Pod CIDR', spec?.podCIDR ?? undefined],
    ['Lease', lease?.spec?.renewTime ? `renewed ${sinceText(lease.spec.renewTime, nowMs)} ago by ${lease.spec.holderIdentity ?? ''}` : undefined],
    ['System', info && [`${info.osImage}, kernel ${info.kernelVersion}, ${info.architecture}`, `${info.containerRuntimeVersion}, agent ${info.kubeletVersion}`]],
    ['Conditions', conditionRows(status?.conditions, nowMs)],
    ['Resources', {
      rows: [
        ['Resource', 'Capacity', 'Allocatable', 'Requested'],
        ...Object.entries(status?.capacity ?? {}).map(([resource, amount]) => [
          resource, String(amount), String(status?.allocatable?.[resource] ?? ''),
          resource === 'cpu' || resource === 'memory' ? allocated(object, running, resource) : resource === 'pods' ? String(running.length) : '',
        ]),
      ],
    }],
    ['Pods', {
      rows: [
        ['Namespace', 'Name', 'Status', 'CPU Requests', 'Memory Requests', 'Age'],
        ...running.map((pod) => [
          pod.metadata.namespace ?? '', pod.metadata.name ?? '', pod.status?.phase ?? '', ...requestsText(pod), sinceText(pod.metadata.creationTimestamp, nowMs),
        ]),
      ],
    }],
  ];
};

export const describeNamespace: Describer<Namespace> = async (subject) => {
  const { items } = await subject.client.list<Pod>(podKind, { namespace: subject.object.metadata.name ?? '' });
  return [
    ...headEntries(subject),
    ['Status', subject.object.status?.phase ?? 'Active'],
    ['Pods', String(items.length)],
    ['Conditions', subject.object.status?.conditions?.length ? conditionRows(subject.object.status.conditions, subject.nowMs) : undefined],
  ];
};

/** `10.244.0.7:8080` of every endpoint that traffic goes to. */
const readyAddresses = (slices: readonly EndpointSlice[]): string[] =>
  slices.flatMap(({ endpoints, ports }) =>
    endpoints.filter(({ conditions }) => conditions?.ready !== false).flatMap(({ addresses: [address = ''] }) =>
      ports?.length ? ports.map(({ port }) => `${address}:${port ?? '*'}`) : [address]));

export const describeService: Describer<Service> = async (subject) => {
  const { metadata: { namespace = '', name = '' }, spec, status } = subject.object;
  const { items } = await subject.client.list<EndpointSlice>(endpointSliceKind, { namespace, labelSelector: `kubernetes.io/service-name=${name}` });
  const ingress = status?.loadBalancer?.ingress?.map(({ ip, hostname }) => ip ?? hostname ?? '');
  return [
    ...headEntries(subject),
    ['Selector', pairLines(spec?.selector)],
    ['Type', spec?.type ?? 'ClusterIP'],
    ['IP', spec?.clusterIP || '<none>'],
    ['External Name', spec?.externalName || undefined],
    ['External IPs', spec?.externalIPs?.length ? spec.externalIPs.join(', ') : undefined],
    ['Load Balancer', ingress?.length ? ingress.join(', ') : undefined],
    ['Session Affinity', spec?.sessionAffinity ?? undefined],
    ['Ports', {
      rows: [
        ['Name', 'Port', 'Target', 'Node Port'],
        ...(spec?.ports ?? []).map((port) => [port.name ?? '<unset>', `${port.port}/${port.protocol ?? 'TCP'}`, String(port.targetPort ?? port.port), port.nodePort ? String(port.nodePort) : '']),
      ],
    }],
    ['Endpoints', readyAddresses(items)],
  ];
};
