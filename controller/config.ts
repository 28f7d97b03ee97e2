/** The controller's configuration file. */
import type { PodNetworkMode } from '../proto/node-service.ts';
import { address, cidr, count, listOf, oneOf, optional, port, type Rule, shape, text } from '../proto/process/config.ts';

export interface TlsFiles {
  readonly authorityCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

export interface ControllerConfig {
  /** Tells this controller from the others in elections and logs. */
  readonly name: string;
  readonly api: { readonly address: string; readonly port: number };
  /** `advertised` is what agents are told to dial. */
  readonly nodes: { readonly address: string; readonly port: number; readonly advertised: readonly string[] };
  /** The authority's key signs the certificates of nodes that join. */
  readonly tls: TlsFiles & { readonly authorityKey: string };
  /** Without `tls` etcd is spoken to in the clear. */
  readonly etcd: { readonly endpoints: readonly string[]; readonly tls?: TlsFiles };
  readonly podNetwork: string;
  readonly podNetworkNodeBits: number;
  /** `routes` where all nodes are on one network, `vxlan` where they are not. */
  readonly podNetworkMode: PodNetworkMode;
  readonly serviceNetwork: string;
  /** The tenth address of the service network unless said. */
  readonly dnsAddress?: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const controllerConfig: Rule<ControllerConfig> = shape<ControllerConfig>({
  name: text,
  api: shape({ address: optional(text, '0.0.0.0'), port: optional(port, 6443) }),
  nodes: shape({ address: optional(text, '0.0.0.0'), port: optional(port, 6444), advertised: listOf(address) }),
  tls: shape({ authorityCertificate: text, authorityKey: text, certificate: text, key: text }),
  etcd: shape({
    endpoints: listOf(text),
    tls: optional(shape<TlsFiles>({ authorityCertificate: text, certificate: text, key: text }), undefined),
  }),
  podNetwork: optional(cidr, '10.244.0.0/16'),
  podNetworkNodeBits: optional(count, 24),
  podNetworkMode: optional(oneOf('routes', 'vxlan'), 'routes'),
  serviceNetwork: optional(cidr, '10.96.0.0/16'),
  dnsAddress: optional(text, undefined),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error'), 'info'),
});
