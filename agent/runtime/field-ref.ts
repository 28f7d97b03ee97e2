/** The downward API: fields and resources of a pod as text, for environment variables and files. Pure. */
import type { Container, Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { milliValue, wholeValue } from '../../proto/resources/quantity.ts';

export interface NodeFacts {
  readonly nodeName: string;
  readonly hostIp: string;
  /** What a container without limits may use: base units, cores as thousandths. */
  readonly allocatable: { readonly cpuMilli: number; readonly memoryBytes: number; readonly ephemeralStorageBytes: number };
}

export interface ResourceFieldRef {
  readonly resource: string;
  readonly divisor?: string;
}

/** `key="value"` lines, sorted, values quoted, as the files of Kubernetes' downward API. */
export const formatMap = (map: Readonly<Record<string, string>> | undefined): string =>
  Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${JSON.stringify(map?.[key] ?? '')}`)
    .join('\n');

const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/;

/** Undefined for a path that is not supported; a label that is not there is an empty text. */
export const fieldText = (path: string, pod: Pod, status: PodStatus | undefined, node: NodeFacts): string | undefined => {
  const match = subscript.exec(path);
  if (match) return (match[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations)?.[match[2] ?? ''] ?? '';
  const ips = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP ? [status.podIP] : []);
  const fields: Readonly<Record<string, () => string>> = {
    'metadata.name': () => pod.metadata.name ?? '',
    'metadata.namespace': () => pod.metadata.namespace ?? '',
    'metadata.uid': () => pod.metadata.uid ?? '',
    'metadata.labels': () => formatMap(pod.metadata.labels),
    'metadata.annotations': () => formatMap(pod.metadata.annotations),
    'spec.nodeName': () => pod.spec?.nodeName ?? node.nodeName,
    'spec.serviceAccountName': () => pod.spec?.serviceAccountName ?? '',
    'status.hostIP': () => node.hostIp,
    'status.hostIPs': () => node.hostIp,
    'status.podIP': () => ips[0] ?? (pod.spec?.hostNetwork ? node.hostIp : ''),
    'status.podIPs': () => (ips.length > 0 ? ips.join(',') : pod.spec?.hostNetwork ? node.hostIp : ''),
  };
  return Object.hasOwn(fields, path) ? fields[path]?.() : undefined;
};

const zeroIsOne = (divisor: string | undefined): string => (divisor === undefined || divisor === '0' || divisor === '' ? '1' : divisor);

/** The quantity in units of the divisor, rounded up; a limit that is not set is what the node has. Undefined if unsupported. */
export const resourceText = (ref: ResourceFieldRef, container: Container, node: NodeFacts): string | undefined => {
  const dot = ref.resource.indexOf('.');
  const list = ref.resource.slice(0, dot);
  const resource = ref.resource.slice(dot + 1);
  if (list !== 'limits' && list !== 'requests') return undefined;
  const divisor = zeroIsOne(ref.divisor);
  const quantity = container.resources?.[list]?.[resource];
  if (resource === 'cpu') {
    const milli = quantity === undefined ? (list === 'limits' ? node.allocatable.cpuMilli : 0) : milliValue(quantity);
    return String(Math.ceil(milli / milliValue(divisor)));
  }
  const defaults: Readonly<Record<string, number>> = {
    memory: node.allocatable.memoryBytes,
    'ephemeral-storage': node.allocatable.ephemeralStorageBytes,
  };
  if (!Object.hasOwn(defaults, resource) && !resource.startsWith('hugepages-')) return undefined;
  const bytes = quantity === undefined ? (list === 'limits' ? (defaults[resource] ?? 0) : 0) : wholeValue(quantity);
  return String(Math.ceil(bytes / wholeValue(divisor)));
};
