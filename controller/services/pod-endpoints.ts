/** The endpoints that pods are of a service, in the form of slices and in that of subsets (as Kubernetes). Pure. */
import { repackSubsets } from '../../proto/resources/endpoint-subsets.ts';
import type { Endpoint, EndpointAddress, EndpointPort, EndpointSubset, ObjectReference, Pod, Service, ServicePort } from '../../proto/resources/kubernetes.ts';
import { isPodReady, isSidecar, isTerminal } from '../../proto/resources/pod.ts';

/** Endpoints that have the same ports. */
export interface EndpointGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

const addressOf = (pod: Pod): string => pod.status?.podIP || pod.status?.podIPs?.[0]?.ip || '';

const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

const hasEndpoint = (pod: Pod): boolean => !isTerminal(pod) && addressOf(pod) !== '';

/** All of a pod that its endpoints depend on, as text: a change that leaves it alone leaves them alone. */
export const endpointFacts = (pod: Pod): string =>
  hasEndpoint(pod) ? [addressOf(pod), isPodReady(pod), isTerminating(pod), pod.spec?.nodeName ?? '', pod.metadata.uid].join() : '';

/** The number behind a service's port on this pod; undefined when no container has a port of that name. */
const targetPort = ({ targetPort: target, port, protocol }: ServicePort, pod: Pod): number | undefined => {
  if (target === undefined || typeof target === 'number') return (target as number | undefined) || port;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  return containers
    .flatMap(({ ports }) => ports ?? [])
    .find((candidate) => candidate.name === String(target) && (candidate.protocol ?? 'TCP') === (protocol ?? 'TCP'))?.containerPort;
};

const portsOn = (service: Service, pod: Pod): EndpointPort[] =>
  (service.spec?.ports ?? []).flatMap((each) => {
    const port = targetPort(each, pod);
    if (port === undefined) return [];
    return [{ name: each.name ?? '', protocol: each.protocol ?? 'TCP', port, ...(each.appProtocol ? { appProtocol: each.appProtocol } : {}) }];
  });

const referenceTo = (pod: Pod): ObjectReference => ({
  kind: 'Pod', namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '',
});

/** The name that the pod has below the service's in DNS, if it asks for one. */
const hostnameIn = (service: Service, { spec }: Pod): string | undefined =>
  spec?.hostname && spec.subdomain === service.metadata.name ? spec.hostname : undefined;

const endpointOf = (service: Service, pod: Pod): Endpoint => {
  const serving = isPodReady(pod);
  const terminating = isTerminating(pod);
  const hostname = hostnameIn(service, pod);
  return {
    addresses: [addressOf(pod)],
    conditions: { ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating), serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: referenceTo(pod),
    ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
  };
};

/** The pods that the service selects, grouped by what its ports are on them: a named port may differ from pod to pod. */
export const endpointGroups = (service: Service, pods: readonly Pod[]): EndpointGroup[] => {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    if (!hasEndpoint(pod)) continue;
    const ports = portsOn(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod));
  }
  return [...groups.values()];
};

/** The same in the older form, which leaves out pods that end, unless the service takes all. */
export const endpointSubsets = (service: Service, pods: readonly Pod[]): EndpointSubset[] => {
  const takesAll = service.spec?.publishNotReadyAddresses === true;
  const hasPorts = (service.spec?.ports?.length ?? 0) > 0;
  const subsets = pods.flatMap((pod): EndpointSubset[] => {
    if (!hasEndpoint(pod) || (isTerminating(pod) && !takesAll)) return [];
    const ports = portsOn(service, pod);
    if (hasPorts && ports.length === 0) return [];
    const hostname = hostnameIn(service, pod);
    const address: EndpointAddress = {
      ip: addressOf(pod),
      ...(hostname ? { hostname } : {}),
      ...(pod.spec?.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: referenceTo(pod),
    };
    const list = takesAll || isPodReady(pod) ? { addresses: [address] } : { notReadyAddresses: [address] };
    return [{ ...list, ...(hasPorts ? { ports: ports.map(({ name, port, protocol, appProtocol }) => ({ ...(name ? { name } : {}), port: port ?? 0, protocol: protocol ?? 'TCP', ...(appProtocol ? { appProtocol } : {}) })) } : {}) }];
  });
  return repackSubsets(subsets);
};
