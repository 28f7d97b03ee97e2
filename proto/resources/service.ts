/** Services: their defaults and rules. Addresses and ports are given by the controller. */
import type { Service } from './kubernetes.ts';
import { label1035Name } from './names.ts';
import { facesOut, needsClusterIp } from './service-needs.ts';
import { dropUnneeded, keepGiven } from './service-update.ts';
import { validateService, validateServiceUpdate } from './service-validation.ts';
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
  if (facesOut(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (needsClusterIp(spec)) {
    spec.internalTrafficPolicy ||= 'Cluster';
    // The cluster has one family of addresses: what asks for no more than it is served by it.
    spec.ipFamilyPolicy ||= 'SingleStack';
    if (!spec.ipFamilies?.length) spec.ipFamilies = ['IPv4'];
  }
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
};

export const serviceRules: KindRules<Service> = {
  name: label1035Name,
  setDefaults,
  initialStatus: () => ({ loadBalancer: {} }),
  prepareForUpdate: (service, old, subresource) => {
    if (subresource === 'status' || !service.spec || !old.spec) return;
    dropUnneeded(service.spec, old.spec);
    keepGiven(service.spec, old.spec);
    if (service.spec.type !== 'LoadBalancer') service.status = { ...service.status, loadBalancer: {} };
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
};
