/** What a Service may look like. */
import { isIP, isIPv4 } from 'node:net';
import type { FieldError } from '../errors.ts';
import {
  broken, child, duplicate, duplicates, forbiddenField, immutable, index, inRange, invalidValue, notNegative, oneOf,
  type Path, required, same,
} from './field-error.ts';
import type { Service } from './kubernetes.ts';
import { validateLabels } from './metadata-validation.ts';
import { labelName, portName, subdomainName } from './names.ts';
import { facesOut, headless, needsHealthCheckPort, needsNodePorts } from './service-needs.ts';

type ServiceSpec = NonNullable<Service['spec']>;
type ServicePort = NonNullable<ServiceSpec['ports']>[number];

const affinitySecondsMax = 86_400;

const validatePort = (port: ServicePort, spec: ServiceSpec, path: Path): FieldError[] => {
  const errors: FieldError[] = [];
  if (port.name) errors.push(...broken(child(path, 'name'), port.name, labelName));
  else if ((spec.ports?.length ?? 0) > 1) errors.push(required(child(path, 'name')));
  errors.push(...inRange(child(path, 'port'), port.port ?? 0, 1, 65_535));
  errors.push(...oneOf(child(path, 'protocol'), port.protocol, ['TCP', 'UDP', 'SCTP']));
  const target: unknown = port.targetPort;
  if (typeof target === 'number') errors.push(...inRange(child(path, 'targetPort'), target, 1, 65_535));
  else if (typeof target === 'string') errors.push(...broken(child(path, 'targetPort'), target, portName));
  if (port.nodePort && !needsNodePorts(spec)) {
    errors.push(forbiddenField(child(path, 'nodePort'), `may not be used when \`type\` is '${spec.type}'`));
  }
  return errors;
};

const validatePorts = (spec: ServiceSpec): FieldError[] => {
  const ports = spec.ports ?? [];
  const path = 'spec.ports';
  const isHeadless = spec.clusterIP === headless;
  if (ports.length === 0) return isHeadless || spec.type === 'ExternalName' ? [] : [required(path)];
  const seen = new Set<string>();
  const seenOnNodes = new Set<string>();
  return [
    ...ports.flatMap((port, at) => {
      const errors = validatePort(port, spec, index(path, at));
      const identity = `${port.protocol} ${port.port}`;
      if (seen.has(identity)) errors.push(duplicate(index(path, at), { port: port.port, protocol: port.protocol }));
      seen.add(identity);
      const onNode = `${port.protocol} ${port.nodePort}`;
      if (port.nodePort && seenOnNodes.has(onNode)) errors.push(duplicate(child(index(path, at), 'nodePort'), port.nodePort));
      seenOnNodes.add(onNode);
      return errors;
    }),
    ...duplicates(ports.map(({ name }) => name), (at) => child(index(path, at), 'name')),
  ];
};

/** Addresses of the cluster are IPv4 alone. */
const validateFamilies = (spec: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  const { clusterIP, clusterIPs = [], ipFamilies = [], ipFamilyPolicy } = spec;
  const oneFamily = 'this cluster is not configured for dual-stack services';
  if (ipFamilyPolicy === 'RequireDualStack') errors.push(invalidValue('spec.ipFamilyPolicy', ipFamilyPolicy, oneFamily));
  if (ipFamilies.includes('IPv6')) {
    errors.push(invalidValue(index('spec.ipFamilies', ipFamilies.indexOf('IPv6')), 'IPv6', 'not configured on this cluster'));
  } else if (ipFamilies.length > 1) errors.push(invalidValue('spec.ipFamilies', ipFamilies, 'may only hold one value in a cluster of one family'));
  if (clusterIPs.length > 1) errors.push(invalidValue('spec.clusterIPs', clusterIPs, `may only hold one value: ${oneFamily}`));
  else if (clusterIP && isIP(clusterIP) && !isIPv4(clusterIP)) {
    errors.push(invalidValue('spec.clusterIPs[0]', clusterIP, 'expected an IPv4 value as indicated by `ipFamilies[0]`'));
  }
  return errors;
};

const validateAddresses = (spec: ServiceSpec): FieldError[] => {
  const errors: FieldError[] = [];
  const { clusterIP = '', type } = spec;
  if (type === 'ExternalName') {
    if (clusterIP) errors.push(forbiddenField('spec.clusterIPs', "may not be set when `type` is 'ExternalName'"));
    const externalName = spec.externalName?.replace(/\.$/, '') ?? '';
    errors.push(...(externalName ? broken('spec.externalName', externalName, subdomainName) : [required('spec.externalName')]));
  } else if (clusterIP === headless) {
    if (needsNodePorts(spec)) {
      errors.push(invalidValue('spec.clusterIPs[0]', clusterIP, `may not be set to 'None' for ${type} services`));
    }
  } else if (clusterIP && !isIP(clusterIP)) {
    errors.push(invalidValue('spec.clusterIPs[0]', clusterIP, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  }
  if (clusterIP && spec.clusterIPs?.length && spec.clusterIPs[0] !== clusterIP) {
    errors.push(invalidValue('spec.clusterIPs', spec.clusterIPs, 'first value must match `clusterIP`'));
  }
  errors.push(...validateFamilies(spec));
  for (const [at, address] of (spec.externalIPs ?? []).entries()) {
    const path = index('spec.externalIPs', at);
    if (!isIP(address)) errors.push(invalidValue(path, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    else if (/^(0\.0\.0\.0$|127\.|169\.254\.|::1?$)/.test(address)) errors.push(invalidValue(path, address, 'may not be an unspecified, loopback or link-local address'));
  }
  return errors;
};

const validateHealthCheckPort = (spec: ServiceSpec): FieldError[] => {
  const port = spec.healthCheckNodePort;
  if (!port) return [];
  const path = 'spec.healthCheckNodePort';
  const misplaced = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
  return needsHealthCheckPort(spec) ? inRange(path, port, 1, 65_535) : [...notNegative(path, port), invalidValue(path, port, misplaced)];
};

const validatePolicies = (spec: ServiceSpec): FieldError[] => {
  const errors = [
    ...validateHealthCheckPort(spec),
    ...oneOf('spec.type', spec.type, ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName']),
    ...oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']),
    ...inRange('spec.sessionAffinityConfig.clientIP.timeoutSeconds', spec.sessionAffinityConfig?.clientIP?.timeoutSeconds, 1, affinitySecondsMax),
    ...oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']),
    ...oneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, ['SingleStack', 'PreferDualStack', 'RequireDualStack']),
    ...(spec.ipFamilies ?? []).flatMap((family, at) => oneOf(index('spec.ipFamilies', at), family, ['IPv4', 'IPv6'])),
  ];
  if (spec.type !== 'LoadBalancer') {
    for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const) {
      if (!same(spec[field], undefined)) errors.push(forbiddenField(`spec.${field}`, "may only be used when `type` is 'LoadBalancer'"));
    }
  }
  if (spec.externalTrafficPolicy) {
    errors.push(
      ...(facesOut(spec)
        ? oneOf('spec.externalTrafficPolicy', spec.externalTrafficPolicy, ['Cluster', 'Local'])
        : [invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services')]),
    );
  }
  return errors;
};

export const validateService = (service: Service): FieldError[] => {
  const spec = service.spec ?? {};
  return [
    ...validatePorts(spec),
    ...validateAddresses(spec),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validatePolicies(spec),
  ];
};

/** An address stays as long as the type keeps having one. */
export const validateServiceUpdate = (service: Service, old: Service): FieldError[] => {
  if (service.spec?.type === 'ExternalName' || old.spec?.type === 'ExternalName') return [];
  const errors = service.spec && old.spec && needsHealthCheckPort(service.spec) && needsHealthCheckPort(old.spec) && old.spec.healthCheckNodePort
    ? immutable('spec.healthCheckNodePort', service.spec.healthCheckNodePort, old.spec.healthCheckNodePort)
    : [];
  const before = old.spec?.clusterIPs ?? [];
  const after = service.spec?.clusterIPs ?? [];
  if (before.length === 0 || same(before, after)) return errors;
  const isFirst = before[0] === after[0];
  return [...errors, ...(isFirst ? immutable('spec.clusterIPs', after, before) : [invalidValue('spec.clusterIPs[0]', after[0] ?? '', 'may not change once set')])];
};
