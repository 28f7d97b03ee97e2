/**
 * Where a service answers, and which endpoints stand behind: a Service and its EndpointSlices as the proxy sees them. Pure.
 * Rules: https://kubernetes.io/docs/reference/networking/virtual-ips/
 */
import type { EndpointSlice, Service } from '../../../proto/resources/kubernetes.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** On this node. */
  readonly isLocal: boolean;
}

/** `internal`: the cluster's own address. `external`: the sender may be anybody, so that answers must come back this way. `local`: the same, but only this node's endpoints serve, and they see who asks. */
export type Reach = 'internal' | 'external' | 'local';

/** One address, protocol and port at which a service answers. */
export interface Frontend {
  /** Undefined for a node port: each of the node's own addresses. */
  readonly address: string | undefined;
  readonly protocol: Protocol;
  readonly port: number;
  readonly reach: Reach;
  /** What serves; of `local` what serves those within the cluster. In no particular order. */
  readonly endpoints: readonly Endpoint[];
  /** Of `local`: what serves those outside the cluster. */
  readonly localEndpoints: readonly Endpoint[];
  /** One client stays with one endpoint for so long; undefined without sessionAffinity. */
  readonly affinitySeconds: number | undefined;
}

type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];
type SliceEndpoint = EndpointSlice['endpoints'][number];

interface Candidate extends Endpoint {
  readonly ready: boolean;
  readonly serving: boolean;
}

const defaultAffinitySeconds = 10_800;

const protocols: Readonly<Record<string, Protocol>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

const protocolOf = (protocol: string | undefined): Protocol => protocols[protocol ?? 'TCP'] ?? 'tcp';

const candidate = ({ addresses, conditions, nodeName }: SliceEndpoint, port: number, ownNode: string): Candidate => ({
  address: addresses[0] ?? '',
  port,
  isLocal: nodeName === ownNode,
  // Absent means yes, but for terminating.
  ready: conditions?.ready !== false,
  serving: conditions?.serving ?? conditions?.ready !== false,
});

/** All endpoints of one port, each address and port once. */
const candidatesOf = (slices: readonly EndpointSlice[], { name, protocol }: ServicePort, ownNode: string): readonly Candidate[] => {
  const found = new Map<string, Candidate>();
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue;
    const port = slice.ports?.find((one) => (one.name ?? '') === (name ?? '') && protocolOf(one.protocol) === protocolOf(protocol))?.port;
    if (port === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const next = candidate(endpoint, port, ownNode);
      const key = `${next.address}:${port}`;
      // While an endpoint moves from one slice to another it is in both: the better news counts.
      if (found.get(key)?.ready !== true) found.set(key, next);
    }
  }
  return [...found.values()];
};

/** Those that are ready; where none is, those that still serve while they end. */
const usable = (candidates: readonly Candidate[]): readonly Endpoint[] => {
  const ready = candidates.filter((one) => one.ready);
  return ready.length > 0 ? ready : candidates.filter((one) => one.serving);
};

const addressesOf = ({ spec }: Service): readonly string[] => (spec?.clusterIPs ?? [spec?.clusterIP ?? '']).filter((address) => address.includes('.'));

const externalAddressesOf = ({ spec, status }: Service): readonly string[] => [
  ...(spec?.externalIPs ?? []),
  ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip && ipMode !== 'Proxy' ? [ip] : [])),
];

const frontendsOfPort = (service: Service, slices: readonly EndpointSlice[], port: ServicePort, ownNode: string): Frontend[] => {
  const { spec } = service;
  const candidates = candidatesOf(slices, port, ownNode);
  const everywhere = usable(candidates);
  const here = usable(candidates.filter(({ isLocal }) => isLocal));
  const affinitySeconds =
    spec?.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds) : undefined;
  const at = { protocol: protocolOf(port.protocol), affinitySeconds, localEndpoints: here };
  const inside = spec?.internalTrafficPolicy === 'Local' ? here : everywhere;
  const outside = { ...at, reach: spec?.externalTrafficPolicy === 'Local' ? ('local' as const) : ('external' as const), endpoints: everywhere };
  return [
    ...addressesOf(service).map((address): Frontend => ({ ...at, address, port: port.port, reach: 'internal', endpoints: inside })),
    ...externalAddressesOf(service).map((address): Frontend => ({ ...outside, address, port: port.port })),
    ...(port.nodePort ? [{ ...outside, address: undefined, port: port.nodePort }] : []),
  ];
};

/** None for services that are only names: headless ones and ExternalName. */
export const frontendsOf = (service: Service | undefined, slices: readonly EndpointSlice[], ownNode: string): readonly Frontend[] => {
  if (service?.spec === undefined || service.spec.type === 'ExternalName' || addressesOf(service).length === 0) return [];
  return (service.spec.ports ?? []).flatMap((port) => frontendsOfPort(service, slices, port, ownNode));
};
