/**
 * A REST client of the Kubernetes API, for the CLI and for tests. Failures are `ApiError`s as the server sent
 * them; when no server can be reached that is a `ConnectionError`.
 */
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { ApiError, type Reason, type StatusObject, statusCodes } from './errors.ts';
import type { Kind } from './kinds.ts';
import type { Clock } from './process/clock.ts';
import { collectionPath, objectPath } from './resources/meta.ts';
import type { KubeObject } from './resources/kubernetes.ts';
import { connectionFailure, ConnectionError, ServerList } from './server-list.ts';
import { Silence } from './silence.ts';

export { ConnectionError } from './server-list.ts';

export interface ClientSettings {
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Other servers of the same cluster, for when that one is away. */
  readonly servers?: readonly string[];
  /** PEM texts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly insecureSkipTlsVerify?: boolean;
  readonly userAgent?: string;
  /** Receives the texts of Warning headers, where a request says nothing else. */
  readonly onWarning?: (text: string) => void;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON, or as it is when it is a string or bytes. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** Called with the server that is asked, before each attempt. */
  readonly onAttempt?: (server: string) => void;
  /** Receives the texts of Warning headers. */
  readonly onWarning?: (text: string) => void;
}

export interface ListResult<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: T;
}

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** How long a watch may live before the client asks anew. */
const watchTimeoutSeconds = 300;
const watchRetryMs = 500;
/** One page of a list; larger collections are read page after page. */
const listPageItems = 500;

const patchTypes = {
  strategic: 'application/strategic-merge-patch+json',
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
} as const;

const queryText = (query: Query | undefined): string => {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([key, value]): [string, string] => [key, String(value)])).toString()}`;
};

const readAll = async (response: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** The error that a response of status 400 or above stands for. */
const failureOf = (statusCode: number, body: Buffer): ApiError => {
  try {
    const status = JSON.parse(body.toString()) as StatusObject;
    if (status.kind === 'Status') return new ApiError(status.reason ?? 'InternalError', status.message ?? '', status.details);
  } catch {
    // Not JSON: something other than an API server answered; its text is all there is.
  }
  const reason = (Object.keys(statusCodes) as Reason[]).find((name) => statusCodes[name] === statusCode) ?? 'InternalError';
  return new ApiError(reason, `the server answered ${statusCode}: ${body.toString().slice(0, 200).trim()}`);
};

/** Where a watch stands after an event; a Table carries it in its row. */
const positionOf = (object: KubeObject): string | undefined =>
  (object.kind === 'Table' ? (object as unknown as { rows: { object?: KubeObject }[] }).rows.at(-1)?.object?.metadata.resourceVersion : undefined) ??
  object.metadata?.resourceVersion;

/** Splits a byte stream into lines without their ends. */
async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    let start = 0;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = bytes.indexOf(10, start); end >= 0; end = bytes.indexOf(10, start)) {
      yield bytes.toString('utf8', start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
}

export class Client {
  readonly #settings: ClientSettings;
  readonly #clock: Clock;
  readonly #servers: ServerList;

  constructor(settings: ClientSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    const { server, servers = [], ca, cert, key } = settings;
    this.#servers = new ServerList({
      servers: [...new Set([server, ...servers])],
      ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}),
      rejectUnauthorized: settings.insecureSkipTlsVerify !== true,
    }, clock);
  }

  close(): void {
    this.#servers.close();
  }

  /** Sends a request; resolves to the response once its status is below 400. Throws ApiError, ConnectionError. */
  async open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    const { body } = options;
    const bytes = body === undefined ? undefined : typeof body === 'string' || Buffer.isBuffer(body) ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = {
      accept: options.accept ?? 'application/json',
      'user-agent': this.#settings.userAgent ?? 'berth',
      ...(this.#settings.token ? { authorization: `Bearer ${this.#settings.token}` } : {}),
      ...(bytes ? { 'content-type': options.contentType ?? 'application/json', 'content-length': bytes.length } : {}),
    };
    const response = await this.#servers.send({
      method, path: path + queryText(options.query), headers, body: bytes, signal: options.signal, ...(options.onAttempt ? { onAttempt: options.onAttempt } : {}),
    });
    const warnings = response.headers['warning'];
    const onWarning = options.onWarning ?? this.#settings.onWarning;
    if (warnings && onWarning) {
      for (const match of warnings.matchAll(/299 - "((?:[^"\\]|\\.)*)"/g)) onWarning((match[1] ?? '').replaceAll(/\\(.)/g, '$1'));
    }
    if ((response.statusCode ?? 500) >= 400) throw failureOf(response.statusCode ?? 500, await readAll(response));
    return response;
  }

  /** Opens a WebSocket, paused so that nothing is missed. `path` comes with its query. Throws ApiError, ConnectionError. */
  openWebSocket(path: string, protocol: string, signal: AbortSignal): Promise<WebSocket> {
    return this.#servers.inTurn((server) => this.#webSocket(server, path, protocol, signal));
  }

  async #webSocket(server: string, path: string, protocol: string, signal: AbortSignal): Promise<WebSocket> {
    // Only few commands need it.
    const { WebSocket: Socket } = await import('ws');
    signal.throwIfAborted();
    const { ca, cert, key, token, userAgent = 'berth', insecureSkipTlsVerify } = this.#settings;
    const url = new URL(server.replace(/^http/, 'ws') + path);
    const headers = { 'user-agent': userAgent, ...(token ? { authorization: `Bearer ${token}` } : {}) };
    let isUnsent = (): boolean => true;
    const socket = new Socket(url, protocol, {
      finishRequest: (request) => {
        isUnsent = this.#servers.connecting(request);
        request.end();
      },
      ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), headers, rejectUnauthorized: insecureSkipTlsVerify !== true, perMessageDeflate: false,
    });
    const onAbort = (): void => socket.terminate();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', onAbort));
    return new Promise((resolve, reject) => {
      socket.once('open', () => {
        socket.pause();
        resolve(socket);
      });
      socket.on('unexpected-response', (request, response: IncomingMessage) => {
        readAll(response)
          .then((body) => reject(failureOf(response.statusCode ?? 500, body)), reject)
          .finally(() => request.destroy());
      });
      socket.on('error', (error) =>
        reject(signal.aborted ? (signal.reason as Error) : connectionFailure(server, error, isUnsent())));
    });
  }

  /** A POST whose connection goes on in another protocol; resolves to the connection, paused. Throws ApiError, ConnectionError. */
  openUpgrade(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Socket> {
    return this.#servers.inTurn((server) => this.#upgrade(server, path, headers, signal));
  }

  #upgrade(server: string, path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Socket> {
    const { ca, cert, key, token, userAgent = 'berth', insecureSkipTlsVerify } = this.#settings;
    const request = httpsRequest(new URL(server + path), {
      method: 'POST', agent: false, signal,
      ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), rejectUnauthorized: insecureSkipTlsVerify !== true,
      headers: { connection: 'Upgrade', 'user-agent': userAgent, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    });
    const isUnsent = this.#servers.connecting(request);
    return new Promise((resolve, reject) => {
      request.on('upgrade', (_response, socket: Socket, head: Buffer) => {
        socket.on('error', () => undefined);
        socket.setNoDelay(true);
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      request.on('response', (response) => {
        readAll(response).then((body) => reject(failureOf(response.statusCode ?? 500, body)), reject);
      });
      request.on('error', (error) =>
        reject(signal.aborted ? (signal.reason as Error) : connectionFailure(server, error, isUnsent())));
      request.end();
    });
  }

  /** A request whose whole answer is JSON. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, options)) as T;
  }

  async text(method: string, path: string, options: RequestOptions = {}): Promise<string> {
    for (let attempts = 1; ; attempts += 1) {
      const response = await this.open(method, path, options);
      try {
        return (await readAll(response)).toString();
      } catch (error) {
        // The server went away in the middle of its answer: who only read asks again.
        if (options.signal?.aborted) throw options.signal.reason;
        if (method !== 'GET' || attempts > 1) throw new ConnectionError(`the answer broke off: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  get<T = KubeObject>(kind: Kind, namespace: string | undefined, name: string, options: RequestOptions = {}): Promise<T> {
    return this.json<T>('GET', objectPath(kind, namespace, name), options);
  }

  /** The whole collection, page after page; at once when the server forgets the first page's revision before the last is read. */
  async list<T = KubeObject>(kind: Kind, selection: Selection = {}, options: RequestOptions = {}): Promise<ListResult<T>> {
    const items: T[] = [];
    let which: Query = { limit: listPageItems };
    for (;;) {
      try {
        const { items: some, metadata } = await this.#page<T>(kind, selection, options, which);
        for (const item of some) items.push({ apiVersion: kind.apiVersion, kind: kind.kind, ...item });
        if (!metadata.continue) return { items, resourceVersion: metadata.resourceVersion };
        which = { ...which, continue: metadata.continue };
      } catch (error) {
        if (which['continue'] === undefined || !(error instanceof ApiError) || error.reason !== 'Expired') throw error;
        items.length = 0;
        which = {};
      }
    }
  }

  #page<T>(kind: Kind, { namespace, labelSelector, fieldSelector }: Selection, options: RequestOptions, which: Query) {
    return this.json<{ items: T[]; metadata: { resourceVersion: string; continue?: string } }>('GET', collectionPath(kind, namespace), {
      ...options, query: { ...options.query, labelSelector, fieldSelector, ...which },
    });
  }

  create<T = KubeObject>(kind: Kind, namespace: string | undefined, object: object, options: RequestOptions = {}): Promise<T> {
    return this.json<T>('POST', collectionPath(kind, namespace), { ...options, body: object });
  }

  update<T = KubeObject>(kind: Kind, namespace: string | undefined, name: string, object: object, options: RequestOptions = {}): Promise<T> {
    return this.json<T>('PUT', objectPath(kind, namespace, name), { ...options, body: object });
  }

  patch<T = KubeObject>(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    type: keyof typeof patchTypes,
    patch: unknown,
    options: RequestOptions & { readonly subresource?: string } = {},
  ): Promise<T> {
    return this.json<T>('PATCH', objectPath(kind, namespace, name, options.subresource), {
      ...options,
      body: patch,
      contentType: patchTypes[type],
    });
  }

  delete<T = unknown>(kind: Kind, namespace: string | undefined, name: string, options: RequestOptions = {}): Promise<T> {
    return this.json<T>('DELETE', objectPath(kind, namespace, name), options);
  }

  /** The bytes of an answer as they come: logs. */
  async *stream(path: string, options: RequestOptions = {}): AsyncGenerator<Buffer> {
    const response = await this.open('GET', path, options);
    try {
      for await (const chunk of response) yield chunk as Buffer;
    } finally {
      response.destroy();
    }
  }

  /** As `stream`, until the server falls silent and does not answer otherwise either: then it throws ConnectionError. */
  async *#lively(path: string, options: RequestOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
    const lost = new AbortController();
    let server = '';
    const silence = new Silence({
      clock: this.#clock,
      ask: (late) => this.#servers.answers(server, '/livez', late),
      onLost: () => {
        this.#servers.leave(server);
        lost.abort(new ConnectionError(`${server} stands still`));
      },
    });
    const onAttempt = (asked: string): void => void (server = asked);
    try {
      for await (const chunk of this.stream(path, { ...options, signal: AbortSignal.any([signal, lost.signal]), onAttempt })) {
        silence.heard();
        yield chunk;
      }
    } finally {
      silence.close();
    }
  }

  /**
   * Changes after `resourceVersion`, for ever: a connection that breaks, or whose server stands still, is taken up where it broke. Throws
   * ApiError Expired when the server has forgotten that position (list again), other ApiErrors as they come.
   */
  async *watch<T extends KubeObject = KubeObject>(
    kind: Kind,
    selection: Selection,
    resourceVersion: string,
    signal: AbortSignal,
    accept = 'application/json',
  ): AsyncGenerator<WatchEvent<T>> {
    let position = resourceVersion;
    let failures = 0;
    while (!signal.aborted) {
      try {
        for await (const line of lines(this.#lively(collectionPath(kind, selection.namespace), {
          accept,
          query: {
            watch: true,
            resourceVersion: position,
            allowWatchBookmarks: true,
            timeoutSeconds: watchTimeoutSeconds,
            labelSelector: selection.labelSelector,
            fieldSelector: selection.fieldSelector,
          },
        }, signal))) {
          if (line === '') continue;
          failures = 0;
          const event = JSON.parse(line) as { type: WatchEvent<T>['type'] | 'BOOKMARK' | 'ERROR'; object: T };
          if (event.type === 'ERROR') {
            const status = event.object as unknown as StatusObject;
            throw new ApiError(status.reason ?? 'InternalError', status.message ?? 'the watch failed', status.details);
          }
          position = positionOf(event.object) ?? position;
          if (event.type !== 'BOOKMARK') yield { type: event.type, object: event.object };
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.reason !== 'ServiceUnavailable') throw error;
        // The first time another server may be there at once.
        failures += 1;
        if (failures > 1) await this.#clock.sleep(watchRetryMs, signal).catch(() => undefined);
      }
    }
  }
}
