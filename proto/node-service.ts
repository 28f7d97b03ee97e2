/**
 * proto/node.proto for both ends: the service as gRPC wants it, and the frames as they look in TypeScript. Field names
 * are the file's in camelCase. Loaded from the file itself, so that there is no generated code to keep in step.
 */
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

export interface Hello {
  readonly nodeName: string;
  readonly agentVersion: string;
  readonly node: Buffer;
  /** The agent is about to end: Drain follows. */
  readonly isEnding?: boolean;
}

export interface PodReport {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly sequence: number;
  readonly status: Buffer;
  readonly gone: boolean;
}

export interface EventReport {
  readonly about: Buffer;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** Agent to controller; `frame` names the one field that is set. */
export type AgentFrame =
  | { readonly frame: 'hello'; readonly hello: Hello }
  | { readonly frame: 'node'; readonly node: { readonly status: Buffer } }
  | { readonly frame: 'pods'; readonly pods: { readonly reports: readonly PodReport[] } }
  | { readonly frame: 'events'; readonly events: { readonly reports: readonly EventReport[] } }
  | { readonly frame: 'heartbeat'; readonly heartbeat: Record<string, never> }
  | { readonly frame: 'drain'; readonly drain: Record<string, never> }
  | { readonly frame: 'certificateRequest'; readonly certificateRequest: { readonly csrPem: string } };

/** How packets get from the pods of one node to those of another. */
export type PodNetworkMode = 'routes' | 'vxlan';

/** What holds for the networks of the whole cluster. */
export interface ClusterNetwork {
  /** `cluster.local` by default. */
  readonly clusterDomain: string;
  /** The range that the nodes' subnets come from, e.g. 10.244.0.0/16. */
  readonly podNetwork: string;
  readonly podNetworkMode: PodNetworkMode;
  /** The range of the services' addresses. */
  readonly serviceNetwork: string;
  /** The service address that answers DNS. */
  readonly dnsAddress: string;
}

export interface Welcome extends ClusterNetwork {
  readonly podCidr: string;
  readonly heartbeatPeriodMs: number;
}

export interface PodChanges {
  readonly complete: boolean;
  readonly pods: readonly Buffer[];
  readonly removedUids: readonly string[];
}

export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface ObjectChanges {
  readonly complete: boolean;
  readonly objects: readonly Buffer[];
  readonly removed: readonly ObjectName[];
}

/** A node as the others see it. */
export interface Peer {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
}

export interface NetworkChanges {
  readonly complete: boolean;
  readonly services: readonly Buffer[];
  readonly slices: readonly Buffer[];
  readonly removed: readonly ObjectName[];
  readonly peers: readonly Peer[];
  readonly removedPeers: readonly string[];
}

export interface ReportAck {
  readonly uid: string;
  readonly sequence: number;
}

export interface OpenTunnel {
  readonly id: string;
  readonly request: Buffer;
}

/** Controller to agent. */
export type ControllerFrame =
  | { readonly frame: 'welcome'; readonly welcome: Welcome }
  | { readonly frame: 'pods'; readonly pods: PodChanges }
  | { readonly frame: 'objects'; readonly objects: ObjectChanges }
  | { readonly frame: 'acks'; readonly acks: { readonly acks: readonly ReportAck[] } }
  | { readonly frame: 'openTunnel'; readonly openTunnel: OpenTunnel }
  | { readonly frame: 'drained'; readonly drained: Record<string, never> }
  | { readonly frame: 'certificate'; readonly certificate: { readonly certificatePem: string } }
  | { readonly frame: 'network'; readonly network: NetworkChanges }
  | { readonly frame: 'controllers'; readonly controllers: { readonly addresses: readonly string[] } }
  | { readonly frame: 'move'; readonly move: Record<string, never> };

/** A frame that was serialized once, to be sent to many. */
export class SerializedFrame {
  readonly bytes: Buffer;

  constructor(frame: ControllerFrame) {
    this.bytes = root.lookupType('berth.node.v1.ControllerFrame').encode(frame).finish() as Buffer;
  }
}

export type TunnelFrame =
  | { readonly frame: 'id'; readonly id: string }
  | { readonly frame: 'data'; readonly data: Buffer }
  | { readonly frame: 'accepted'; readonly accepted: boolean }
  | { readonly frame: 'failure'; readonly failure: Buffer }
  | { readonly frame: 'stderr'; readonly stderr: Buffer }
  | { readonly frame: 'stdinEnd'; readonly stdinEnd: boolean }
  | { readonly frame: 'resize'; readonly resize: TerminalSize }
  | { readonly frame: 'exit'; readonly exit: number }
  | { readonly frame: 'taken'; readonly taken: number }
  | { readonly frame: 'forward'; readonly forward: { readonly nodeName: string; readonly request: Buffer } };

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Bytes of standard input that may be on their way to a command: sent by the controller, not yet taken. */
export const stdinWindowBytes = 256 * 1024;

/** What gRPC needs to know of a call; the same shape serves its server and its client. */
export interface StreamMethod<Request, Response> {
  readonly path: string;
  readonly requestStream: true;
  readonly responseStream: true;
  readonly requestSerialize: (frame: Request) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (frame: Response | SerializedFrame) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

const root = protobuf.loadSync(fileURLToPath(new URL('node.proto', import.meta.url)));

/** Both ends refuse frames above this; senders stay far below (`frameBytesMax`), single objects do not. */
export const messageBytesMax = 8 * 2 ** 20;

const method = <Request, Response>(service: 'Nodes' | 'Controllers', name: string, request: string, response: string): StreamMethod<Request, Response> => {
  const [up, down] = [root.lookupType(`berth.node.v1.${request}`), root.lookupType(`berth.node.v1.${response}`)];
  const encode = (type: protobuf.Type) => (frame: object) => (frame instanceof SerializedFrame ? frame.bytes : (type.encode(frame).finish() as Buffer));
  const decode = (type: protobuf.Type) => (bytes: Buffer) => type.decode(bytes) as unknown;
  return {
    path: `/berth.node.v1.${service}/${name}`,
    requestStream: true,
    responseStream: true,
    requestSerialize: encode(up) as (frame: Request) => Buffer,
    requestDeserialize: decode(up) as (bytes: Buffer) => Request,
    responseSerialize: encode(down) as (frame: Response | SerializedFrame) => Buffer,
    responseDeserialize: decode(down) as (bytes: Buffer) => Response,
  };
};

export const nodeService = {
  session: method<AgentFrame, ControllerFrame>('Nodes', 'Session', 'AgentFrame', 'ControllerFrame'),
  tunnel: method<TunnelFrame, TunnelFrame>('Nodes', 'Tunnel', 'TunnelFrame', 'TunnelFrame'),
} as const;

/** What controllers ask of each other. */
export const controllerService = {
  forward: method<TunnelFrame, TunnelFrame>('Controllers', 'Forward', 'TunnelFrame', 'TunnelFrame'),
} as const;

/** JSON in a `bytes` field. */
export const toJsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
