/**
 * How a host becomes a node, by a join token (proto/resources/join-token.ts) that names the cluster's authority, so that
 * the host knows whom it gives the token to.
 *
 * The host reads the authority's certificate (public), compares the fingerprint, and only then sends id and secret with
 * its signing request. The name in the certificate is the one asked for; a token lets its holder be any node, as in Kubernetes.
 */
import { ApiError, badRequest, isApiError } from '../../proto/errors.ts';
import { secretKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { hasExpired, isSecretOf, joinTokenNamespace, joinTokenOf, joinTokenSecretName, type JoinUsage, parseJoinToken } from '../../proto/resources/join-token.ts';
import type { Secret } from '../../proto/resources/kubernetes.ts';
import { joinBodyBytesMax } from '../limits.ts';
import type { Reader } from '../store/reader.ts';
import type { NodeSigner } from './node-certificates.ts';

export interface RouteRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** A route beside the Kubernetes API, mounted on its port. It does its own authentication. */
export interface ExtraRoute {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  handler(request: RouteRequest): Promise<{ readonly status: number; readonly body: object }>;
}

/** RFC 1123, as node names are. */
const nodeNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const unauthorized = (message: string): ApiError => new ApiError('Unauthorized', message);

/** Throws ApiError Unauthorized, which tells an expired token from an unknown one only to who has its secret; Forbidden where it is for something else. */
export const authenticateToken = (header: string | string[] | undefined, usage: JoinUsage, reader: Reader, nowMs: number): void => {
  const text = /^Bearer\s+(\S+)$/i.exec(String(header ?? ''))?.[1];
  if (text === undefined) throw unauthorized('a join token is needed: Authorization: Bearer TOKEN');
  const parts = parseJoinToken(text);
  if (parts === undefined) throw unauthorized('the join token is not well formed');
  const stored = reader.get<Secret>(secretKind, `${joinTokenNamespace}/${joinTokenSecretName(parts.id)}`)?.object;
  const token = joinTokenOf(stored);
  if (!isSecretOf(stored, parts.secret) || token === undefined) throw unauthorized('the join token is not known to this cluster, or was revoked; "berth token create" makes a new one');
  if (hasExpired(token, nowMs)) throw unauthorized('the join token has expired; "berth token create" makes a new one');
  if (!token.usages.includes(usage)) throw new ApiError('Forbidden', `the join token is not for ${usage}s; "berth token create --usage ${usage}" makes one that is`);
};

const requestIn = (body: Buffer): { nodeName: string; csrPem: string } => {
  if (body.length > joinBodyBytesMax) throw new ApiError('RequestEntityTooLarge', `a join request has at most ${joinBodyBytesMax} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(String(body));
  } catch {
    throw badRequest('the join request is not JSON');
  }
  const { nodeName, csrPem } = (value ?? {}) as { nodeName?: unknown; csrPem?: unknown };
  if (typeof nodeName !== 'string' || nodeName.length > 253 || !nodeNamePattern.test(nodeName)) {
    throw badRequest('nodeName: must be a DNS subdomain in lower case, e.g. node-1');
  }
  if (typeof csrPem !== 'string') throw badRequest('csrPem: required');
  return { nodeName, csrPem };
};

interface JoinOptions {
  readonly reader: Reader;
  /** PEM; anybody may know it. */
  readonly authorityPem: string;
  readonly sign: NodeSigner;
  readonly clock: Clock;
  readonly log: Log;
}

const join = async ({ headers, body }: RouteRequest, { reader, authorityPem, sign, clock, log }: JoinOptions): Promise<{ certificatePem: string; caPem: string }> => {
  authenticateToken(headers['authorization'], 'agent', reader, clock.nowMs());
  const { nodeName, csrPem } = requestIn(body);
  const certificatePem = await sign(nodeName, csrPem);
  log.info('node joined', { node: nodeName });
  return { certificatePem, caPem: authorityPem };
};

/** A POST whose refusals are answered as Kubernetes Status objects. */
export const postRoute = (path: string, handle: (request: RouteRequest) => Promise<object>): ExtraRoute => ({
  method: 'POST',
  path,
  handler: async (request) => {
    try {
      return { status: 200, body: await handle(request) };
    } catch (error) {
      if (!isApiError(error)) throw error;
      return { status: error.code, body: error.toStatus() };
    }
  },
});

/** `GET /berth/v1/authority`, public, and `POST /berth/v1/join`. */
export const joinRoutes = (options: JoinOptions): ExtraRoute[] => [
  {
    method: 'GET',
    path: '/berth/v1/authority',
    handler: async () => ({ status: 200, body: { caPem: options.authorityPem } }),
  },
  postRoute('/berth/v1/join', (request) => join(request, options)),
];
