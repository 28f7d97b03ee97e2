/** What an update of a service carries over from its predecessor, and what goes with its type (as Kubernetes). In place. */
import { same } from './field-error.ts';
import type { ServiceSpec } from './kubernetes.ts';
import { facesOut, needsClusterIp, needsHealthCheckPort, needsNodePorts } from './service-needs.ts';

const addressFields = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const;
const balancerFields = ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const;

const nodePortsOf = ({ ports }: ServiceSpec): number[] => (ports ?? []).map(({ nodePort }) => nodePort ?? 0);

/** A field that the service had a use for and has no more goes, unless its writer changed it as well: that is a mistake to tell. */
export const dropUnneeded = (spec: ServiceSpec, before: ServiceSpec): void => {
  const isOver = (needed: (spec: ServiceSpec) => boolean): boolean => needed(before) && !needed(spec);
  const isBalanced = ({ type }: ServiceSpec): boolean => type === 'LoadBalancer';
  const lost = [
    ...(isOver(needsClusterIp) ? addressFields : []),
    ...(isOver(facesOut) ? (['externalTrafficPolicy'] as const) : []),
    ...(isOver(needsHealthCheckPort) ? (['healthCheckNodePort'] as const) : []),
    ...(isOver(isBalanced) ? balancerFields : []),
  ];
  for (const field of lost) if (same(spec[field], before[field])) delete spec[field];
  if (isOver(needsNodePorts) && same(nodePortsOf(spec), nodePortsOf(before))) for (const port of spec.ports ?? []) delete port.nodePort;
};

/** Node ports stay with the names of their ports, unless another port has taken them. */
const keepNodePorts = (spec: ServiceSpec, before: ServiceSpec): void => {
  const named = new Map((before.ports ?? []).map(({ name, nodePort }) => [name ?? '', nodePort]));
  const used = new Set(nodePortsOf(spec));
  for (const port of spec.ports ?? []) {
    const held = named.get(port.name ?? '');
    if (port.nodePort || !held || used.has(held)) continue;
    port.nodePort = held;
    used.add(held);
  }
};

/** An update that leaves out what the service was given means what it has. */
export const keepGiven = (spec: ServiceSpec, before: ServiceSpec): void => {
  if (needsClusterIp(spec) && needsClusterIp(before)) {
    if (!spec.clusterIP && before.clusterIP) spec.clusterIP = before.clusterIP;
    if (!spec.clusterIPs?.length && before.clusterIPs && spec.clusterIP === before.clusterIP) spec.clusterIPs = [...before.clusterIPs];
  }
  if (needsNodePorts(spec) && needsNodePorts(before)) keepNodePorts(spec, before);
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before) && !spec.healthCheckNodePort && before.healthCheckNodePort) {
    spec.healthCheckNodePort = before.healthCheckNodePort;
  }
};
