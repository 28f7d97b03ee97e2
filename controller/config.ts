/** The controller's configuration file. */
import { address, cidr, count, fileDescriptor, listOf, oneOf, optional, port, type Rule, shape, text } from '../proto/process/config.ts';
import type { Listening } from './listening.ts';

export interface TlsFiles {
  readonly authorityCertificate: string;
  readonly certificate: string;
  readonly key: string;
}

export interface ControllerConfig {
  /** Tells this controller from the others in elections and logs. */
  readonly name: string;
  readonly api: Listening;
  /** `advertised` is what agents are told to dial. */
  readonly nodes: Listening & { readonly advertised: readonly string[] };
  /** The authority's key signs the certificates of nodes that join. */
  readonly tls: TlsFiles & { readonly authorityKey: string };
  /** Without `tls` etcd is spoken to in the clear. */
  readonly etcd: { readonly endpoints: readonly string[]; readonly tls?: TlsFiles };
  readonly podNetwork: string;
  readonly podNetworkNodeBits: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

export const controllerConfig: Rule<ControllerConfig> = shape<ControllerConfig>({
  name: text,
  api: shape<ControllerConfig['api']>({ address: optional(text, '0.0.0.0'), port: optional(port, 6443), socketFd: optional(fileDescriptor, undefined) }),
  nodes: shape<ControllerConfig['nodes']>({
    address: optional(text, '0.0.0.0'), port: optional(port, 6444), socketFd: optional(fileDescriptor, undefined), advertised: listOf(address),
  }),
  tls: shape({ authorityCertificate: text, authorityKey: text, certificate: text, key: text }),
  etcd: shape({
    endpoints: listOf(text),
    tls: optional(shape<TlsFiles>({ authorityCertificate: text, certificate: text, key: text }), undefined),
  }),
  podNetwork: optional(cidr, '10.244.0.0/16'),
  podNetworkNodeBits: optional(count, 24),
  logLevel: optional(oneOf('debug', 'info', 'warn', 'error'), 'info'),
});
