/** Questions about a service: which addresses and ports its type brings along. Pure. */
import type { ServiceSpec } from './kubernetes.ts';

export const headless = 'None';

export const needsClusterIp = ({ type }: ServiceSpec): boolean => type !== 'ExternalName';

export const needsNodePorts = ({ type }: ServiceSpec): boolean => type === 'NodePort' || type === 'LoadBalancer';

/** A balancer of its own asks this port of a node whether endpoints are there. */
export const needsHealthCheckPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
  type === 'LoadBalancer' && externalTrafficPolicy === 'Local';

/** Whether it is reached from outside the cluster. */
export const facesOut = (spec: ServiceSpec): boolean =>
  needsNodePorts(spec) || (spec.type === 'ClusterIP' && Boolean(spec.externalIPs?.length));

/** Whether node ports that nobody named are given. */
export const givesNodePorts = (spec: ServiceSpec): boolean =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
