/** What services are given addresses and ports of: the settings, and what of it a service has to itself. Pure. */
import type { KubeObject, Service } from '../../proto/resources/kubernetes.ts';
import { headless } from '../../proto/resources/service-needs.ts';
import type { ClaimsOf } from '../store/claims.ts';
import { addressNumber, addressRange, addressText, isWithin, networkRange, type NumberRange, portRange } from './number-range.ts';
import { assert } from '../../proto/process/assert.ts';

export interface ServiceNetwork {
  readonly clusterIps: NumberRange;
  readonly nodePorts: NumberRange;
  /** Undefined: load balancers are somebody else's. */
  readonly balancerPool: NumberRange | undefined;
  /** Address -> key of the only service that may have it. */
  readonly reserved: ReadonlyMap<string, string>;
}

export interface ServiceNetworkSettings {
  /** Such as `10.96.0.0/16`. */
  readonly serviceNetwork: string;
  /** Such as `30000-32767`. */
  readonly nodePorts: string;
  readonly loadBalancerPool?: string | undefined;
  readonly dnsAddress?: string | undefined;
}

export const defaultServiceNetwork = { serviceNetwork: '10.96.0.0/16', nodePorts: '30000-32767' } as const;

/** The DNS server's when no other is set: the tenth address. */
export const defaultDnsAddress = (serviceNetwork: string): string => addressText((networkRange(serviceNetwork)?.first ?? 0) + 9);

/** The address of the service `kubernetes`. */
export const apiServiceAddress = ({ clusterIps }: ServiceNetwork): string => addressText(clusterIps.first);

export const serviceNetworkOf = (settings: ServiceNetworkSettings): ServiceNetwork => {
  const clusterIps = networkRange(settings.serviceNetwork);
  const nodePorts = portRange(settings.nodePorts);
  const balancerPool = settings.loadBalancerPool === undefined ? undefined : addressRange(settings.loadBalancerPool);
  assert(clusterIps && nodePorts && (balancerPool || settings.loadBalancerPool === undefined), 'the configuration was checked');
  const dnsAddress = settings.dnsAddress ?? defaultDnsAddress(settings.serviceNetwork);
  const reserved = new Map([[addressText(clusterIps.first), 'default/kubernetes'], [dnsAddress, 'kube-system/kube-dns']]);
  return { clusterIps, nodePorts, balancerPool, reserved };
};

export const addressClaim = (address: string): string => `cluster-ips/${address}`;
export const nodePortClaim = (port: number): string => `node-ports/${port}`;
export const balancerClaim = (address: string): string => `load-balancer-addresses/${address}`;

/** What a service has to itself. One node port may serve two protocols of one service, so a port is claimed once. */
export const serviceClaims = ({ balancerPool }: Pick<ServiceNetwork, 'balancerPool'>): ClaimsOf => (object: KubeObject) => {
  if (object.kind !== 'Service' || object.apiVersion !== 'v1') return [];
  const { spec, status } = object as Service;
  const addresses = (spec?.clusterIPs ?? []).filter((address) => address !== '' && address !== headless);
  const ports = [...(spec?.ports ?? []).map(({ nodePort }) => nodePort ?? 0), spec?.healthCheckNodePort ?? 0].filter((port) => port > 0);
  const balanced = (status?.loadBalancer?.ingress ?? [])
    .map(({ ip }) => ip ?? '')
    // Addresses of others' balancers are theirs, and may be shared.
    .filter((ip) => balancerPool && isWithin(balancerPool, addressNumber(ip)));
  return [...new Set([...addresses.map(addressClaim), ...ports.map(nodePortClaim), ...balanced.map(balancerClaim)])];
};
