/**
 * Where a gRPC server accepts connections: over mutual TLS, on a listener of our own, since gRPC takes neither a socket that is listening
 * already nor another certificate while it runs.
 */
import { createServer, type Server as Listener } from 'node:net';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { listen, type Listening } from '../listening.ts';

/** PEM: the server's certificate, and the authority that the certificates of those who connect must come from. */
export interface ListenerTls {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

type ConnectionInjector = ReturnType<Server['createConnectionInjector']>;

const injectorOf = (server: Server, { caPem, certPem, keyPem }: ListenerTls): ConnectionInjector => {
  const pair = { private_key: Buffer.from(keyPem), cert_chain: Buffer.from(certPem) };
  return server.createConnectionInjector(ServerCredentials.createSsl(Buffer.from(caPem), [pair], true));
};

export class TlsListener {
  readonly #server: Server;
  readonly #listener: Listener;
  #connections: ConnectionInjector;

  constructor(server: Server, tls: ListenerTls) {
    this.#server = server;
    this.#connections = injectorOf(server, tls);
    this.#listener = createServer({ noDelay: true }, (socket) => this.#connections.injectConnection(socket));
  }

  /** For connections from now on; those that there are go on. */
  setTls(tls: ListenerTls): void {
    this.#connections = injectorOf(this.#server, tls);
  }

  /** Resolves to the port. Rejects when it cannot be had. */
  listen(where: Listening): Promise<number> {
    return listen(this.#listener, where);
  }

  /** Accepts no more; what is connected goes on. */
  stop(): void {
    this.#listener.close();
  }

  /** Accepts no more, and ends what is connected. */
  close(): void {
    this.stop();
    this.#server.forceShutdown();
  }
}
