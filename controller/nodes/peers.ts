/**
 * Tunnels to nodes whose sessions are with other controllers:
 *
 *     API ──► NodeTunnels ──► Peers ── Forward ──► Peers of the controller that /berth/nodes/NAME names ──► NodeTunnels ──► the node
 *
 * Whoever is asked has decided already whether the user may; the other is asked by a controller, which its certificate says, and
 * so passes on what it is told: no name of a user travels that somebody could make up. What was forwarded is not forwarded again.
 */
import { checkServerIdentity } from 'node:tls';
import { Client, type ClientDuplexStream, credentials, Server, type ServerDuplexStream, status as grpcStatus } from '@grpc/grpc-js';
import { controllerService, messageBytesMax, type TunnelFrame } from '../../proto/node-service.ts';
import { sessionKeepaliveMs, sessionKeepaliveTimeoutMs } from '../limits.ts';
import type { Listening } from '../listening.ts';
import type { Kv } from '../store/kv.ts';
import { nodeLeasePrefix } from './leases.ts';
import { refuse } from './sessions.ts';
import { type ListenerTls, TlsListener } from './tls-listener.ts';

/** The name in the certificate of every controller. */
export const controllerUser = 'berth-controller';

export type PeerStream = ClientDuplexStream<TunnelFrame, TunnelFrame>;
export type AskedStream = ServerDuplexStream<TunnelFrame, TunnelFrame>;

/** Where other controllers ask, as `listening` says, and what they find it under. */
export interface PeersSetting extends Listening {
  /** `host:port`; by default the address and the port that was had. */
  readonly advertised?: string | undefined;
}

export interface PeersOptions {
  readonly kv: Pick<Kv, 'get'>;
  readonly tls: ListenerTls;
}

const isController = (stream: AskedStream): boolean => {
  const subject = stream.getAuthContext().sslPeerCertificate?.subject as { CN?: string } | undefined;
  return subject?.CN === controllerUser;
};

/** The controller that the value of a node's key names. */
export const controllerIn = (value: Buffer | undefined): string | undefined => {
  const { controller } = JSON.parse(String(value ?? '{}')) as { controller?: unknown };
  return typeof controller === 'string' ? controller : undefined;
};

const splitAddress = (address: string): string => address.slice(0, address.lastIndexOf(':')).replaceAll(/[[\]]/g, '');

export class Peers {
  readonly #kv: PeersOptions['kv'];
  #tls: ListenerTls;
  readonly #listener: TlsListener;
  /** Connections to other controllers, each for as long as something goes through it. */
  readonly #clients = new Map<string, { readonly client: Client; streams: number }>();
  #address: string | undefined;
  #serve: (nodeName: string, request: Buffer, stream: AskedStream) => void = (_nodeName, _request, stream) =>
    refuse(stream, grpcStatus.UNAVAILABLE, 'not ready');

  constructor(options: PeersOptions) {
    this.#kv = options.kv;
    this.#tls = options.tls;
    const server = new Server({
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.keepalive_time_ms': sessionKeepaliveMs,
      'grpc.keepalive_timeout_ms': sessionKeepaliveTimeoutMs,
    });
    server.addService(controllerService, { forward: (stream: AskedStream) => this.#asked(stream) });
    this.#listener = new TlsListener(server, options.tls);
  }

  /** For connections from now on, in both directions. */
  setTls(tls: ListenerTls): void {
    this.#tls = tls;
    this.#listener.setTls(tls);
  }

  /** Where this controller is asked by others; undefined until it listens. */
  get address(): string | undefined {
    return this.#address;
  }

  /** Who answers what other controllers ask. */
  set serve(serve: (nodeName: string, request: Buffer, stream: AskedStream) => void) {
    this.#serve = serve;
  }

  /** Rejects when the port cannot be had. */
  async listen(setting: PeersSetting): Promise<void> {
    const port = await this.#listener.listen(setting);
    this.#address = setting.advertised ?? `${setting.address}:${port}`;
  }

  /** A call that goes on as one of the node's own would; undefined when no other controller has the node's session. Throws KvUnavailable. */
  async open(nodeName: string, request: Buffer): Promise<PeerStream | undefined> {
    const address = controllerIn((await this.#kv.get(`${nodeLeasePrefix}${nodeName}`))?.value);
    if (address === undefined || address === this.#address) return undefined;
    const { path, requestSerialize, responseDeserialize } = controllerService.forward;
    const entry = this.#clients.get(address) ?? { client: this.#dial(address), streams: 0 };
    this.#clients.set(address, entry);
    entry.streams += 1;
    const stream: PeerStream = entry.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on('error', () => undefined);
    stream.once('close', () => {
      stream.cancel();
      entry.streams -= 1;
      if (entry.streams > 0) return;
      this.#clients.delete(address);
      entry.client.close();
    });
    stream.write({ frame: 'forward', forward: { nodeName, request } });
    return stream;
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.close();
    this.#listener.close();
  }

  #dial(address: string): Client {
    const { caPem, certPem, keyPem } = this.#tls;
    const host = splitAddress(address);
    const secure = credentials.createSsl(Buffer.from(caPem), Buffer.from(keyPem), Buffer.from(certPem), {
      // gRPC would take the name below for it.
      checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    });
    return new Client(address, secure, {
      // TLS has no server name for an address (RFC 6066).
      'grpc.ssl_target_name_override': controllerUser,
      'grpc.max_receive_message_length': messageBytesMax,
      'grpc.keepalive_time_ms': sessionKeepaliveMs,
      'grpc.keepalive_timeout_ms': sessionKeepaliveTimeoutMs,
    });
  }

  #asked(stream: AskedStream): void {
    stream.on('error', () => undefined);
    if (!isController(stream)) return refuse(stream, grpcStatus.PERMISSION_DENIED, 'the certificate is not that of a controller');
    stream.once('data', (first: TunnelFrame) => {
      stream.pause();
      if (first.frame === 'forward') this.#serve(first.forward.nodeName, first.forward.request, stream);
      else refuse(stream, grpcStatus.INVALID_ARGUMENT, 'a forwarded tunnel begins with what it is to');
    });
  }
}
