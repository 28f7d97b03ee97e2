/** Services: defaults, and what an update carries over. */
import { same } from './field-error.ts';
import type { Service } from './kubernetes.ts';
import { label1035Name } from './names.ts';
import { serviceTypesWithNodePorts, validateService, validateServiceUpdate } from './service-validation.ts';
import type { KindRules } from './strategy.ts';

const affinitySecondsDefault = 10_800;

const setDefaults = (service: Service): void => {
  const spec = (service.spec ??= {});
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: affinitySecondsDefault, ...spec.sessionAffinityConfig?.clientIP } };
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  const hasNodePorts = serviceTypesWithNodePorts.has(spec.type);
  if (hasNodePorts || (spec.type === 'ClusterIP' && spec.externalIPs?.length)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
};

type Spec = NonNullable<Service['spec']>;

/** The fields of an address, of node ports, of a load balancer: what goes when a service becomes one without. */
const addressFields = ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'internalTrafficPolicy'] as const;
const nodePortFields = ['externalTrafficPolicy', 'healthCheckNodePort'] as const;
const balancerFields = ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const;

const nodePortsOf = ({ ports }: Spec): number[] => (ports ?? []).map(({ nodePort }) => nodePort ?? 0);

/** A change of type takes along what only the old type had, unless the writer changed that as well (as Kubernetes). */
const dropWithType = (spec: Spec, before: Spec): void => {
  if (spec.type === before.type) return;
  const hasNodePorts = serviceTypesWithNodePorts.has(spec.type ?? '');
  const isExternal = spec.type === 'ClusterIP' && Boolean(spec.externalIPs?.length);
  const lost = [
    ...(spec.type === 'ExternalName' ? addressFields : []),
    ...(hasNodePorts || isExternal ? [] : nodePortFields),
    ...(spec.type === 'LoadBalancer' ? [] : balancerFields),
  ];
  for (const field of lost) if (same(spec[field], before[field])) delete spec[field];
  if (!hasNodePorts && same(nodePortsOf(spec), nodePortsOf(before))) for (const port of spec.ports ?? []) delete port.nodePort;
};

/** An update that leaves an address out means the one it has. */
const keepAddress = (service: Service, old: Service): void => {
  const [spec, before] = [service.spec, old.spec];
  if (!spec || !before || spec.type === 'ExternalName' || before.type === 'ExternalName') return;
  if (!spec.clusterIP && before.clusterIP) {
    spec.clusterIP = before.clusterIP;
    if (before.clusterIPs) spec.clusterIPs = [...before.clusterIPs];
  }
};

export const serviceRules: KindRules<Service> = {
  name: label1035Name,
  setDefaults,
  initialStatus: () => ({ loadBalancer: {} }),
  prepareForUpdate: (service, old, subresource) => {
    if (subresource !== '') return;
    if (service.spec && old.spec) dropWithType(service.spec, old.spec);
    keepAddress(service, old);
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  warnings: (_service, old) =>
    old ? [] : ['Berth stores Services, but does not route traffic to them yet: reach pods by their own addresses or host ports'],
};
