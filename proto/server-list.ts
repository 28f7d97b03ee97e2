/**
 * The servers of one cluster, any of which will do: a request goes to the one that answered last, and to the next when that is
 * away. What was perhaps carried out is not sent again, unless it only reads.
 *
 *     refused, no way there, no handshake ──► the next server      nothing was sent: reads and writes alike
 *     broke off                           ──► the same one, once   reads, and writes of which nothing was sent
 */
import { Agent, request as httpsRequest } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Clock } from './process/clock.ts';

/** No server could be reached, or the one that was reached broke off. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface ServerAccess {
  /** Such as `https://127.0.0.1:6443`; one at least. */
  readonly servers: readonly string[];
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
}

export interface ServerRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Buffer | undefined;
  readonly signal: AbortSignal | undefined;
  /** Called with the server before each attempt. */
  readonly onAttempt?: (server: string) => void;
}

/** One attempt at one server failed. */
class Failed extends Error {
  readonly origin: string;
  /** Not a byte of the request can have been read. */
  readonly unsent: boolean;

  constructor(origin: string, cause: Error, unsent: boolean) {
    super(cause.message, { cause });
    this.origin = origin;
    this.unsent = unsent;
  }

  /** There was a connection, or the beginning of one, and it broke: that its server stays away is not said. */
  get brokeOff(): boolean {
    const { code } = this.cause as NodeJS.ErrnoException;
    return code === 'ECONNRESET' || code === 'EPIPE';
  }
}

/** How long one of several servers may take to accept a connection. */
export const connectTimeoutMs = 3_000;

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

export class ServerList {
  readonly #servers: readonly string[];
  readonly #clock: Clock;
  readonly #agent: Agent;
  /** The one that answered last. */
  #at = 0;

  constructor({ servers, ...tls }: ServerAccess, clock: Clock) {
    this.#servers = servers.map((server) => server.replace(/\/$/, ''));
    this.#clock = clock;
    this.#agent = new Agent({ keepAlive: true, ...tls });
  }

  close(): void {
    this.#agent.destroy();
  }

  /** Resolves to the beginning of the answer, whatever its status. Throws ConnectionError, or the signal's reason. */
  send(request: ServerRequest): Promise<IncomingMessage> {
    return this.inTurn((server) => {
      request.onAttempt?.(server);
      return this.#ask(server, request);
    }, (failure) => isRead(request.method) || failure.unsent);
  }

  /** Whether this one server answers, whatever that is. Never rejects; false when the signal aborts. */
  async answers(server: string, path: string, signal: AbortSignal): Promise<boolean> {
    for (let again = true; ; again = false) {
      try {
        (await this.#ask(server, { method: 'GET', path, headers: {}, body: undefined, signal })).resume();
        return true;
      } catch (error) {
        // A connection that lay idle may have been closed meanwhile.
        if (!again || !(error instanceof Failed) || !error.brokeOff) return false;
        this.#forgetIdle();
      }
    }
  }

  /** This server stands still: the next request goes to another one, if there is any, and by no connection that lies idle. */
  leave(server: string): void {
    if (this.#servers[this.#at] === server) this.#at = (this.#at + 1) % this.#servers.length;
    this.#forgetIdle();
  }

  /** Connections that lie idle are broken as well when one is, most likely. */
  #forgetIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
  }

  /** Gives `attempt` one server after the other, as long as it throws what `connectionFailure` made. Throws ConnectionError. */
  async inTurn<T>(attempt: (server: string) => Promise<T>, mayRepeat = (failure: Failed): boolean => failure.unsent): Promise<T> {
    const [first, count] = [this.#at, this.#servers.length];
    let again = true;
    for (let tried = 0; ; ) {
      const at = (first + tried) % count;
      try {
        const result = await attempt(this.#servers[at] ?? '');
        this.#at = at;
        return result;
      } catch (error) {
        if (!(error instanceof Failed)) throw error;
        if (again && error.brokeOff && mayRepeat(error)) {
          again = false;
          this.#forgetIdle();
          continue;
        }
        tried += 1;
        if (tried < count && mayRepeat(error)) continue;
        const where = tried < count || count === 1 ? error.origin : `any of ${this.#servers.join(', ')}`;
        throw new ConnectionError(`cannot reach ${where}: ${error.message}`, { cause: error.cause });
      }
    }
  }

  #ask(server: string, { method, path, headers, body, signal }: ServerRequest): Promise<IncomingMessage> {
    const url = new URL(server + path);
    return new Promise((resolve, reject) => {
      const request = httpsRequest(url, { method, headers, agent: this.#agent, ...(signal ? { signal } : {}) }, resolve);
      const isUnsent = this.connecting(request);
      request.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : connectionFailure(url.origin, error, isUnsent())));
      request.end(body);
    });
  }

  /** Gives up a request that gets no connection in time, where another server may. Returns what tells whether not a byte of it can have been read. */
  connecting(request: ClientRequest): () => boolean {
    // TLS holds back what is written until both sides are who they say.
    let secure = false;
    const late = this.#servers.length === 1 ? undefined : this.#clock.after(connectTimeoutMs, () => {
      if (!secure) request.destroy(new Error(`no connection within ${connectTimeoutMs / 1_000} s`));
    });
    request.once('socket', (socket) => {
      const onSecure = (): void => {
        secure = true;
        late?.cancel();
      };
      if (request.reusedSocket) onSecure();
      else socket.once('secureConnect', onSecure);
    });
    request.once('close', () => late?.cancel());
    return () => !secure;
  }
}

/** What an attempt throws when its server cannot be reached. */
export const connectionFailure = (origin: string, cause: Error, unsent: boolean): Error => new Failed(origin, cause, unsent);
