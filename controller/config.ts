/** The controller's configuration file. */
import type { PodNetworkMode } from '../proto/node-service.ts';
import { about, address, count, fileDescriptor, listOf, oneOf, optional, port, readableFile, rule, type Rule, shape, text } from '../proto/process/config.ts';
import { addressNumber, addressRange, isWithin, networkRange, portRange } from './services/number-range.ts';
import { defaultServiceNetwork } from './services/service-network.ts';
import type { CertificateFiles } from './certificate-keeper.ts';
import type { Listening } from './listening.ts';
import type { PeersSetting } from './nodes/peers.ts';

export interface TlsFiles {
  readonly authorityCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

export interface ControllerConfig {
  /** Tells this controller from the others in elections and logs. */
  readonly name: string;
  /** `advertised` is where pods reach it, as `address:port`: the endpoints of the service kubernetes. */
  readonly api: Listening & { readonly advertised: readonly string[] };
  /** `advertised` is what agents are told to dial. */
  readonly nodes: Listening & { readonly advertised: readonly string[] };
  /** Where other controllers ask this one for what nodes do whose sessions are here; without it they cannot. `advertised` is what they dial. */
  readonly peers?: PeersSetting;
  /** The authority's key signs the certificates of nodes that join. */
  readonly tls: TlsFiles & { readonly authorityKey: string };
  /** Without `tls` etcd is spoken to in the clear. With its authority's key the client's certificate is renewed here. */
  readonly etcd: { readonly endpoints: readonly string[]; readonly tls?: TlsFiles & { readonly authorityKey?: string } };
  /** How long certificates hold that are issued here, to nodes and for the renewal of this controller's own. */
  readonly certificateLifetimeSeconds: number;
  /** Certificates of others on this host that are renewed here, for etcd and the administrator. */
  readonly renews: readonly CertificateFiles[];
  readonly podNetwork: string;
  readonly podNetworkNodeBits: number;
  /** `routes` where all nodes are on one network, `vxlan` where they are not. */
  readonly podNetworkMode: PodNetworkMode;
  /** Addresses of services. */
  readonly serviceNetwork: string;
  /** Ports of the nodes that services may have. */
  readonly nodePorts: string;
  /** Addresses of services of type LoadBalancer; without it somebody else gives them. */
  readonly loadBalancerPool?: string;
  /** Where pods ask for names, within serviceNetwork; its tenth address when left out. */
  readonly dnsAddress?: string;
  /** How long a pod that does not say itself stays on a node that is not ready or unreachable; 0 by default, 300 in Kubernetes. */
  readonly podEvictionSeconds: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

const textOf = (what: string, parse: (text: string) => unknown): Rule<string> =>
  rule(what, (value) => typeof value === 'string' && parse(value) !== undefined);

const endpointParts = (text: string): number | undefined => {
  const [host = '', portText = ''] = text.split(':');
  return /^[1-9]\d{0,4}$/.test(portText) && Number(portText) <= 65_535 ? addressNumber(host) : undefined;
};

const tlsFiles = {
  authorityCertificate: about('the authority that the other side’s certificate comes from', readableFile),
  certificate: about('what this side shows', readableFile),
  key: about('the certificate’s key', readableFile),
};

const api = shape<ControllerConfig['api']>({
  address: about('where the Kubernetes API listens', optional(text, '0.0.0.0')), port: optional(port, 6443),
  socketFd: about('a listening socket that was handed down, instead', optional(fileDescriptor, undefined)),
  advertised: about('where pods reach it: the endpoints of the service kubernetes', optional(listOf(textOf('an IPv4 address and a port such as 192.0.2.1:6443', endpointParts)), [])),
});

const nodes = shape<ControllerConfig['nodes']>({
  address: about('where agents dial in', optional(text, '0.0.0.0')), port: optional(port, 6444),
  socketFd: about('a listening socket that was handed down, instead', optional(fileDescriptor, undefined)),
  advertised: about('where agents reach it', listOf(address)),
});

const peers = shape<PeersSetting>({
  address: about('where other controllers ask', optional(text, '0.0.0.0')), port: optional(port, 6445),
  socketFd: about('a listening socket that was handed down, instead', optional(fileDescriptor, undefined)),
  advertised: about('where they reach it', optional(address, undefined)),
});

const etcd = shape<ControllerConfig['etcd']>({
  endpoints: about('all members: https://HOST:PORT with tls, http://HOST:PORT without', listOf(textOf('http://HOST:PORT or https://HOST:PORT', (url) => (/^https?:\/\/[^/\s]+$/.test(url) ? url : undefined)))),
  tls: about('without it etcd is spoken to in the clear', optional(shape<NonNullable<ControllerConfig['etcd']['tls']>>({
    ...tlsFiles, authorityKey: about('with it the certificate is renewed by this controller', optional(readableFile, undefined)),
  }), undefined)),
});

const renews = listOf(shape<CertificateFiles>({ certificate: readableFile, authorityCertificate: readableFile, authorityKey: readableFile }));

const fields = shape<ControllerConfig>({
  name: about('tells this controller from the others', text),
  api,
  nodes,
  tls: shape<ControllerConfig['tls']>({
    ...tlsFiles,
    authorityCertificate: about('the cluster’s authority', readableFile),
    authorityKey: about('signs the certificates of nodes that join', readableFile),
  }),
  peers: about('where other controllers ask for what is on nodes that dialled this one; left out where there is one controller', optional(peers, undefined)),
  etcd,
  certificateLifetimeSeconds: about('how long certificates hold that are issued here', optional(rule('a whole number of 30 or more', (value) => Number.isInteger(value) && (value as number) >= 30), 31_536_000)),
  renews: about('certificates of others on this host that are renewed here', optional(renews, [])),
  podNetwork: about('addresses of pods', optional(textOf('an IPv4 range from /8 to /30 such as 10.244.0.0/16', networkRange), '10.244.0.0/16')),
  podNetworkNodeBits: about('the size of each node’s part of it: 24 is a /24', optional(count, 24)),
  podNetworkMode: about('routes where all nodes are on one network, vxlan where they are not', optional(oneOf('routes', 'vxlan'), 'routes')),
  serviceNetwork: about('addresses of services', optional(textOf('an IPv4 range from /8 to /30 such as 10.96.0.0/16', networkRange), defaultServiceNetwork.serviceNetwork)),
  nodePorts: about('ports of the nodes that services may have', optional(textOf('a range of ports such as 30000-32767', portRange), defaultServiceNetwork.nodePorts)),
  loadBalancerPool: about('addresses of services of type LoadBalancer', optional(textOf('a range of addresses such as 192.0.2.10-192.0.2.99 or 192.0.2.0/24', addressRange), undefined)),
  dnsAddress: about('where pods ask for names; the tenth address of serviceNetwork when left out', optional(textOf('an IPv4 address', addressNumber), undefined)),
  podEvictionSeconds: about('how long a pod that does not say itself stays on a node that is away', optional(count, 0)),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error'), 'info'),
});

/** What no single setting shows. */
const contradictions = ({ etcd, podNetwork, podNetworkNodeBits, serviceNetwork, loadBalancerPool, dnsAddress, peers }: ControllerConfig): string[] => {
  const problems: string[] = [];
  if (etcd.endpoints.some((url) => url.startsWith('https:') !== (etcd.tls !== undefined))) {
    problems.push(etcd.tls ? 'etcd.endpoints must all be https:// where etcd.tls is set' : 'etcd.endpoints with https:// need etcd.tls');
  }
  const podBits = Number(podNetwork.split('/')[1]);
  if (podNetworkNodeBits < podBits || podNetworkNodeBits > 30) problems.push(`podNetworkNodeBits must be from ${podBits}, as podNetwork is ${podNetwork}, to 30, and is ${podNetworkNodeBits}`);
  const services = networkRange(serviceNetwork);
  const pods = networkRange(podNetwork);
  const pool = loadBalancerPool === undefined ? undefined : addressRange(loadBalancerPool);
  const overlap = (a: typeof services, b: typeof services): boolean => Boolean(a && b && a.first <= b.last && b.first <= a.last);
  if (overlap(services, pods)) problems.push(`serviceNetwork ${serviceNetwork} must not overlap podNetwork ${podNetwork}`);
  if (overlap(pool, services)) problems.push(`loadBalancerPool ${loadBalancerPool} must not overlap serviceNetwork ${serviceNetwork}`);
  if (overlap(pool, pods)) problems.push(`loadBalancerPool ${loadBalancerPool} must not overlap podNetwork ${podNetwork}`);
  if (dnsAddress !== undefined && services && !isWithin(services, addressNumber(dnsAddress))) {
    problems.push(`dnsAddress must be an address of serviceNetwork ${serviceNetwork}`);
  } else if (dnsAddress !== undefined && services && addressNumber(dnsAddress) === services.first) {
    problems.push(`dnsAddress must not be ${dnsAddress}: the first address of serviceNetwork is that of the service kubernetes`);
  }
  if (peers && peers.advertised === undefined && (peers.address === '0.0.0.0' || peers.socketFd !== undefined)) {
    problems.push('peers.advertised must say where other controllers reach this one, or peers.address be such an address');
  }
  return problems;
};

export const controllerConfig: Rule<ControllerConfig> = {
  ...fields,
  check(value, path, problems) {
    const before = problems.length;
    const config = fields.check(value, path, problems);
    if (problems.length === before) problems.push(...contradictions(config));
    return config;
  },
};
