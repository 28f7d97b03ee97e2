/** The HTTPS server: TLS, time limits and the life of connections. What a request means is for rest.ts. */
import { type IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { type Random, systemRandom } from '../../proto/process/random.ts';
import { loadSchema, type Schema } from '../../proto/schema/schema.ts';
import { connectionsMax, drainMs, headersTimeoutMs, keepAliveTimeoutMs, requestTimeoutMs } from '../limits.ts';
import { listen, type Listening } from '../listening.ts';
import { addProcessMetrics, Metrics } from '../metrics.ts';
import type { Tunnels } from '../nodes/tunnels.ts';
import type { Reader } from '../store/reader.ts';
import type { Api } from './api.ts';
import { Authentication, type Authenticator } from './authentication.ts';
import { BodyDecoder } from './body.ts';
import { Inflight } from './inflight.ts';
import type { OpenApi } from './openapi.ts';
import { RequestMetrics } from './request-metrics.ts';
import { malformedAnswer, plainHttpAnswer, tooSlowAnswer } from './refusal.ts';
import { type ExtraRoute, Rest } from './rest.ts';
import { ServerInfo } from './server-info.ts';
import { resourceMetrics } from './usage-text.ts';

export interface ApiServerTls {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
}

const secureContext = (tls: ApiServerTls) => ({ ...tls, minVersion: 'TLSv1.2' }) as const;

export interface ApiServerOptions {
  readonly api: Api;
  readonly reader: Reader;
  readonly openapi: OpenApi;
  readonly tunnels: Tunnels;
  /** PEM. `ca` signs client certificates. */
  readonly tls: ApiServerTls;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the server, as clients see it: `v1.32.0+berth.0.1.0`. */
  readonly version: string;
  /** Whether the store is reachable; decides `/readyz`. */
  readonly ready: () => boolean;
  readonly random?: Random;
  readonly schema?: Schema;
  readonly metrics?: Metrics;
  readonly extraRoutes?: readonly ExtraRoute[];
  readonly authenticators?: readonly Authenticator[];
}

/** Only for what goes on as a WebSocket, or a port that is forwarded as SPDY; whoever offers another protocol with his request is answered in this one. */
const wantsUpgrade = ({ method, url, headers }: IncomingMessage): boolean => {
  const protocol = headers.upgrade?.toLowerCase();
  if (protocol === 'websocket') return method === 'GET' && /\/(?:exec|attach|portforward)(?:\?|$)/.test(url ?? '');
  return protocol === 'spdy/3.1' && /\/portforward(?:\?|$)/.test(url ?? '');
};

/** Urls and headers beyond this are refused by Node itself (431). */
const headerBytesMax = 64 * 1024;

export class ApiServer {
  readonly #rest: Rest;
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  /** Answers of which nothing was sent yet. */
  readonly #answers = new Set<ServerResponse>();
  #ending = false;

  constructor(options: ApiServerOptions) {
    const { api, reader, openapi, tunnels, tls, clock, version, ready } = options;
    const metrics = options.metrics ?? new Metrics();
    const inflight = new Inflight();
    addProcessMetrics(metrics, clock);
    this.#clock = clock;
    this.#rest = new Rest({
      backend: { api, reader, tunnels, clock, random: options.random ?? systemRandom },
      bodies: new BodyDecoder(options.schema ?? loadSchema()),
      openapi,
      authentication: new Authentication(options.authenticators ?? [], clock),
      inflight,
      info: new ServerInfo({ version, metrics, ready, resourceMetrics: () => resourceMetrics({ reader, tunnels, clock }) }),
      metrics: new RequestMetrics(metrics, reader, inflight),
      extraRoutes: options.extraRoutes ?? [],
      log: options.log.child('api'),
    });
    this.#server = createServer(
      {
        ...secureContext(tls),
        // A certificate is asked for, and judged per request: some paths need none, and a bad one deserves a Status.
        requestCert: true,
        rejectUnauthorized: false,
        maxHeaderSize: headerBytesMax,
        keepAliveTimeout: keepAliveTimeoutMs,
        headersTimeout: headersTimeoutMs,
        requestTimeout: requestTimeoutMs,
        handshakeTimeout: headersTimeoutMs,
        connectionsCheckingInterval: Math.min(headersTimeoutMs, requestTimeoutMs) / 2,
        noDelay: true,
        shouldUpgradeCallback: wantsUpgrade,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.on('upgrade', (request, socket, head) => {
      // For a refusal: what is upgraded takes the socket away from it.
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as Socket);
      response.once('finish', () => socket.end());
      void this.#rest.handle(request, response, { socket, head });
    });
    this.#server.maxConnections = connectionsMax;
    this.#watchSockets();
  }

  /** For connections from now on; those that there are go on. */
  setTls(tls: ApiServerTls): void {
    this.#server.setSecureContext(secureContext(tls));
  }

  /** Resolves to the port. Rejects when it cannot be had. */
  listen(where: Listening): Promise<number> {
    return listen(this.#server, where);
  }

  /**
   * Takes no new connections, ends watches, and lets requests under way finish, then cuts off what is left. Connections that lie
   * idle get `lingerMs`: a request that is on its way on one of them is answered, and its client told to use another.
   */
  async close(lingerMs = 0): Promise<void> {
    if (!this.#server.listening) return;
    this.#ending = true;
    for (const response of this.#answers) if (!response.headersSent) response.shouldKeepAlive = false;
    const closed = new Promise<void>((resolve) => {
      // Not HTTP's own close, which ends what lies idle at once.
      NetServer.prototype.close.call(this.#server, () => resolve());
    });
    this.#rest.endLasting();
    const idle = this.#clock.after(lingerMs, () => this.#server.closeIdleConnections());
    const cut = this.#clock.after(drainMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await closed;
    idle.cancel();
    cut.cancel();
    // It is closed already; what is left is HTTP's own timer.
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.#ending) response.shouldKeepAlive = false;
    this.#answers.add(response);
    response.once('close', () => this.#answers.delete(response));
    // One that was promised to last longer than the server does.
    response.once('finish', () => void (this.#ending && response.shouldKeepAlive && request.socket.end()));
    void this.#rest.handle(request, response);
  }

  #watchSockets(): void {
    const server = this.#server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      // A peer that breaks off is no event.
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, secure) => {
      // Where TLS never began, the connection beneath still carries an answer.
      const plain = error.code === 'ERR_SSL_HTTP_REQUEST' ? this.#beneath(secure) : undefined;
      if (plain?.writable) this.#refuse(plain, plainHttpAnswer());
      else secure.destroy();
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // The rest of what is malformed comes here again; the answer is already on its way.
      if (socket.writableEnded) return;
      if (!socket.writable) return void socket.destroy();
      this.#refuse(socket, error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? tooSlowAnswer() : malformedAnswer());
    });
  }

  #beneath({ remoteAddress, remotePort }: Socket): Socket | undefined {
    for (const socket of this.#sockets) {
      if (socket.remotePort === remotePort && socket.remoteAddress === remoteAddress) return socket;
    }
    return undefined;
  }

  #refuse(socket: Duplex, answer: string): void {
    socket.end(answer);
    this.#clock.after(drainMs, () => void socket.destroy());
  }
}
