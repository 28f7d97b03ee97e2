/** The sockets: UDP and TCP at one address and port, for whoever asks. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { dnsLimits } from '../limits.ts';
import { frame, framed } from './exchange.ts';
import type { Resolver } from './resolver.ts';

export interface DnsServerOptions {
  readonly resolver: Pick<Resolver, 'answer'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class DnsServer {
  readonly #options: DnsServerOptions;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();
  #waiting = 0;
  #closed = false;

  private constructor(options: DnsServerOptions) {
    this.#options = options;
    this.#udp = createSocket('udp4');
    this.#tcp = createServer((socket) => void this.#serve(socket));
    this.#tcp.maxConnections = dnsLimits.tcpConnectionsMax;
  }

  /** Rejects with what the system says when the address or its port cannot be had. */
  static async listen(options: DnsServerOptions, address: string, port: number): Promise<DnsServer> {
    const server = new DnsServer(options);
    try {
      server.#udp.bind(port, address);
      await once(server.#udp, 'listening');
      server.#tcp.listen(server.port, address);
      await once(server.#tcp, 'listening');
    } catch (error) {
      server.close();
      throw error;
    }
    server.#start();
    return server;
  }

  get port(): number {
    return this.#udp.address().port;
  }

  close(): void {
    this.#closed = true;
    this.#udp.close();
    if (this.#tcp.listening) this.#tcp.close();
    for (const socket of this.#connections) socket.destroy();
  }

  #start(): void {
    const { log } = this.#options;
    const onError = (error: Error): void => log.warn('a socket for names failed', { error });
    this.#tcp.on('error', onError);
    this.#udp.on('error', onError);
    this.#udp.on('message', (message, { address, port }) => {
      const answer = this.#options.resolver.answer(message, 'udp');
      // Where an answer cannot be delivered the client asks again.
      const send = (bytes: Buffer): void => this.#udp.send(bytes, port, address, () => undefined);
      if (answer instanceof Promise) void this.#sendLater(answer, send);
      else if (answer) send(answer);
    });
  }

  async #sendLater(answer: Promise<Buffer>, send: (bytes: Buffer) => void): Promise<void> {
    if (this.#waiting >= dnsLimits.waitingMax) return;
    this.#waiting += 1;
    try {
      const bytes = await answer;
      if (!this.#closed) send(bytes);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** One query after the other; a client that sends nothing, or takes nothing, is let go. */
  async #serve(socket: Socket): Promise<void> {
    this.#connections.add(socket);
    socket.on('error', () => undefined);
    const { clock, resolver } = this.#options;
    const watch = () => clock.after(dnsLimits.tcpIdleMs, () => socket.destroy());
    let idle = watch();
    try {
      let received = Buffer.alloc(0);
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        received = Buffer.concat([received, chunk]);
        for (let query = framed(received); query; query = framed(received)) {
          received = received.subarray(2 + query.length);
          const answer = await resolver.answer(query, 'tcp');
          if (answer === undefined) return;
          await new Promise((resolve) => socket.write(frame(answer), resolve));
          idle.cancel();
          idle = watch();
        }
        if (received.length > dnsLimits.queryBytesMax) return;
      }
    } catch {
      // The client is gone.
    } finally {
      idle.cancel();
      this.#connections.delete(socket);
      socket.destroySoon();
    }
  }
}
