/**
 * One HTTP request from its first line to its last byte:
 *
 *     path ─► who ─► may they ─► is there room ─► handler ─► answer;      anything thrown ─► Status
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { ApiError, noSuchResource } from '../../proto/errors.ts';
import type { Log } from '../../proto/process/log.ts';
import { extraBodyBytesMax } from '../limits.ts';
import { type Answer, errorAnswer, jsonAnswer, send, setWarnings } from './answer.ts';
import type { Authentication } from './authentication.ts';
import { authorize, requireKnown } from './authorization.ts';
import type { BodyDecoder } from './body.ts';
import type { Backend, Call, Upgrade } from './call.ts';
import { discoverGroup, discoverRoot, discoverVersion } from './discovery.ts';
import { impersonated } from './impersonation.ts';
import type { Inflight } from './inflight.ts';
import type { OpenApi } from './openapi.ts';
import { type ResourceTarget, type Target, targetOf } from './paths.ts';
import type { Query } from './query.ts';
import { discardBody, readBody } from './request-body.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { methodNotAllowed, routeOf } from './routes.ts';
import { isSelfReview, reviewSelf } from './self-review.ts';
import type { ServerInfo } from './server-info.ts';
import type { User } from './verbs.ts';

/** A route beside the API's own; it does its own authentication. */
export interface ExtraRoute {
  readonly method: string;
  readonly path: string;
  /** Throws ApiError, which becomes a Status. */
  readonly handler: (request: { headers: IncomingHttpHeaders; body: Buffer }) => Promise<{ status: number; body: object }>;
}

export interface RestOptions {
  readonly backend: Backend;
  readonly bodies: BodyDecoder;
  readonly openapi: OpenApi;
  readonly authentication: Authentication;
  readonly inflight: Inflight;
  readonly info: ServerInfo;
  readonly metrics: RequestMetrics;
  readonly extraRoutes: readonly ExtraRoute[];
  readonly log: Log;
}

/** What a request turned out to be, for the metrics. */
interface Trace {
  verb: string;
  resource: string;
  lasting: boolean;
  /** To be undone at the end, whatever happens. */
  readonly releases: (() => void)[];
  readonly upgrade: Upgrade | undefined;
}

interface Split {
  readonly path: string;
  readonly query: Query;
}

const split = (url: string): Split => {
  const at = url.indexOf('?');
  return { path: at < 0 ? url : url.slice(0, at), query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) };
};

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD';

export class Rest {
  readonly #options: RestOptions;
  /** Ends of answers that last, for when the server closes. */
  readonly #lasting = new Set<() => void>();
  #ending = false;

  constructor(options: RestOptions) {
    this.#options = options;
  }

  /** Never rejects: what goes wrong is answered, or ends the connection when the answer has begun. */
  async handle(request: IncomingMessage, response: ServerResponse, upgrade?: Upgrade): Promise<void> {
    const { backend, metrics } = this.#options;
    const startMs = backend.clock.monotonicMs();
    const trace: Trace = { verb: (request.method ?? '').toLowerCase(), resource: '', lasting: false, releases: [], upgrade };
    response.on('error', () => undefined);
    try {
      await this.#route(request, response, trace);
    } catch (error) {
      await this.#fail(request, response, error, upgrade !== undefined);
    } finally {
      for (const release of trace.releases) release();
      const durationMs = trace.lasting ? undefined : backend.clock.monotonicMs() - startMs;
      metrics.record(trace.verb, trace.resource, response.statusCode, durationMs);
    }
  }

  /** Ends all watches and followed logs, and watches that still come as soon as they begin: they go on elsewhere. */
  endLasting(): void {
    this.#ending = true;
    for (const end of this.#lasting) end();
  }

  async #route(request: IncomingMessage, response: ServerResponse, trace: Trace): Promise<void> {
    const { path, query } = split(request.url ?? '');
    const method = request.method ?? '';
    const extra = this.#options.extraRoutes.find((route) => route.path === path && route.method === method);
    if (extra) return this.#extra(extra, request, response, trace);
    const target = targetOf(path);
    const user = await this.#userOf(request);
    if (isSelfReview(method, path)) return this.#review(path, user, request, response, trace);
    if (!target) {
      authorize(user, method.toLowerCase(), { type: 'other', path });
      throw noSuchResource();
    }
    if (target.type === 'resource') return this.#resource(request, response, target, query, user, trace);
    authorize(user, isRead(method) ? 'get' : method.toLowerCase(), target);
    if (!isRead(method)) throw methodNotAllowed();
    trace.releases.push(this.#options.inflight.enter('read'));
    await send(request, response, await this.#describe(target, request, query));
  }

  async #userOf(request: IncomingMessage): Promise<User> {
    const user = await this.#options.authentication.userOf(request.socket as TLSSocket, request.headers);
    return impersonated(user, request.headers);
  }

  async #resource(
    request: IncomingMessage,
    response: ServerResponse,
    target: ResourceTarget,
    query: Query,
    user: User,
    trace: Trace,
  ): Promise<void> {
    const { backend, inflight } = this.#options;
    const route = routeOf(request.method ?? '', target, query);
    trace.verb = route.verb;
    trace.resource = target.subresource ? `${target.kind.plural}/${target.subresource}` : target.kind.plural;
    trace.lasting = route.requests === 'long';
    authorize(user, route.verb, target);
    trace.releases.push(inflight.enter(route.requests));
    const call: Call = {
      request,
      response,
      target,
      query,
      upgrade: trace.upgrade,
      user,
      headers: request.headers,
      warnings: [],
      body: async () => {
        const { bytes, release } = await readBody(request, inflight);
        trace.releases.push(release);
        return this.#options.bodies.decode(bytes, request.headers['content-type']);
      },
      onServerClose: (end) => {
        if (this.#ending && route.verb === 'watch') setImmediate(end);
        this.#lasting.add(end);
        return () => void this.#lasting.delete(end);
      },
    };
    try {
      await route.handle(call, backend);
    } catch (error) {
      // What there was to warn about may explain the failure.
      setWarnings(response, call.warnings);
      throw error;
    }
  }

  async #extra(route: ExtraRoute, request: IncomingMessage, response: ServerResponse, trace: Trace): Promise<void> {
    trace.releases.push(this.#options.inflight.enter('extra'));
    const { bytes, release } = await readBody(request, this.#options.inflight, extraBodyBytesMax);
    trace.releases.push(release);
    const { status, body } = await route.handler({ headers: request.headers, body: bytes });
    await send(request, response, jsonAnswer(status, body));
  }

  async #review(path: string, user: User, request: IncomingMessage, response: ServerResponse, trace: Trace): Promise<void> {
    requireKnown(user);
    trace.releases.push(this.#options.inflight.enter('extra'));
    // Read so that the connection goes on; what it asks does not change the answer.
    trace.releases.push((await readBody(request, this.#options.inflight, extraBodyBytesMax)).release);
    await send(request, response, reviewSelf(path, user));
  }

  async #describe(target: Exclude<Target, ResourceTarget>, request: IncomingMessage, query: Query): Promise<Answer> {
    const { accept } = request.headers;
    switch (target.type) {
      case 'roots': {
        const { contentType, body } = discoverRoot(target.root, accept);
        return jsonAnswer(200, body, contentType);
      }
      case 'group': {
        const found = discoverGroup(target.group);
        if (!found) throw noSuchResource();
        return jsonAnswer(200, found.body);
      }
      case 'version':
        return jsonAnswer(200, discoverVersion(target.groupVersion).body);
      case 'other': {
        if (!target.path.startsWith('/openapi/')) return this.#options.info.answer(target.path, query);
        const answer = await this.#options.openapi.respond(request.url ?? '', request.headers);
        if (!answer) throw noSuchResource();
        return answer;
      }
    }
  }

  async #fail(request: IncomingMessage, response: ServerResponse, error: unknown, hasNoBody: boolean): Promise<void> {
    const { log } = this.#options;
    if (!(error instanceof ApiError)) {
      // The message may quote an object: the log gets where, the client only that.
      log.error('a request failed', { method: request.method, path: split(request.url ?? '').path, at: stackOf(error) });
    }
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const answer = error instanceof ApiError ? error : new ApiError('InternalError', 'Internal error occurred');
    try {
      // At once, though the body may still be coming: many clients read while they write, and stop.
      const discarded = request.complete || hasNoBody ? undefined : discardBody(request);
      await send(request, response, errorAnswer(answer));
      await discarded;
    } catch (failure) {
      log.error('an answer failed', { at: stackOf(failure) });
      response.destroy();
    }
  }
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? `${error.name} ${(error.stack ?? '').split('\n').slice(1, 4).map((line) => line.trim()).join(' ')}` : typeof error;
