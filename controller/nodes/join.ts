/**
 * How a host becomes a node: Kubernetes' bootstrap tokens (a Secret in kube-system per token) with the fingerprint of
 * the cluster's authority behind them, so that the host knows whom it gives the token to.
 *
 *   token = <id>.<secret>.<SHA-256 of the authority's public key>
 *
 * The host reads the authority's certificate (public), compares the fingerprint, and only then sends id and secret with
 * its signing request. The name in the certificate is the one asked for; a token lets its holder be any node, as in Kubernetes.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { ApiError, badRequest, isApiError } from '../../proto/errors.ts';
import { secretKind } from '../../proto/kinds.ts';
import { parseTimestamp, timestamp } from '../../proto/process/clock.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { BadSigningRequest, fingerprint, signRequest } from '../../proto/process/tls.ts';
import type { KeyedCertificate } from '../../proto/process/tls.ts';
import type { Secret } from '../../proto/resources/kubernetes.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import { joinBodyBytesMax, joinTokenTtlSeconds, nodeCertificateDays } from '../limits.ts';
import type { Reader } from '../store/reader.ts';

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

const tokenSecretType = 'bootstrap.kubernetes.io/token';
const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})(?:\.[0-9a-f]{64})?$/;
/** RFC 1123, as node names are. */
const nodeNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const decoded = (secret: Secret | undefined, key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();

interface TokenOptions {
  readonly verbs: Verbs;
  readonly options: WriteOptions;
  readonly caPem: string;
  readonly clock: Clock;
  readonly random: Random;
  /** A day by default. */
  readonly ttlSeconds?: number;
  readonly description?: string;
}

/** Stores a new token and returns its text. Throws ApiError. */
export const createJoinToken = async ({ verbs, options, caPem, clock, random, ttlSeconds = joinTokenTtlSeconds, description }: TokenOptions): Promise<string> => {
  const [id, secret] = [random.suffix(6), random.suffix(16)];
  const data = {
    'token-id': id,
    'token-secret': secret,
    expiration: timestamp(clock.nowMs() + ttlSeconds * 1_000),
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': 'system:bootstrappers:berth:nodes',
    ...(description ? { description } : {}),
  };
  const object: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: tokenSecretType,
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  };
  await verbs.create(secretKind, 'kube-system', object, options);
  return `${id}.${secret}.${fingerprint(caPem)}`;
};

const unauthorized = (message: string): ApiError => new ApiError('Unauthorized', message);
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Throws ApiError Unauthorized, which tells an expired token from an unknown one only to who has its secret. */
const authenticate = (header: string | string[] | undefined, reader: Reader, nowMs: number): void => {
  const text = /^Bearer\s+(\S+)$/i.exec(String(header ?? ''))?.[1];
  if (text === undefined) throw unauthorized('a join token is needed: Authorization: Bearer TOKEN');
  const [, id, secret] = tokenPattern.exec(text) ?? [];
  if (id === undefined || secret === undefined) throw unauthorized('the join token is not well formed');
  const stored = reader.get<Secret>(secretKind, `kube-system/bootstrap-token-${id}`)?.object;
  const usable = stored?.type === tokenSecretType && decoded(stored, 'usage-bootstrap-authentication') === 'true' && decoded(stored, 'token-id') === id;
  const same = timingSafeEqual(digest(decoded(stored, 'token-secret')), digest(secret));
  if (!usable || !same) throw unauthorized('the join token is not known to this cluster; create a new one');
  const expiration = decoded(stored, 'expiration');
  if (expiration !== '' && !(parseTimestamp(expiration) > nowMs)) throw unauthorized('the join token has expired; create a new one');
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
  readonly authority: KeyedCertificate;
  readonly clock: Clock;
  readonly log: Log;
}

const join = async ({ headers, body }: RouteRequest, { reader, authority, clock, log }: JoinOptions): Promise<{ certificatePem: string; caPem: string }> => {
  authenticate(headers['authorization'], reader, clock.nowMs());
  const { nodeName, csrPem } = requestIn(body);
  try {
    const certificatePem = await signRequest(authority, csrPem, {
      commonName: `system:node:${nodeName}`,
      organizations: ['system:nodes'],
      usages: ['client'],
      days: nodeCertificateDays,
    });
    log.info('node joined', { node: nodeName });
    return { certificatePem, caPem: authority.certPem };
  } catch (error) {
    if (error instanceof BadSigningRequest) throw badRequest(`csrPem: ${error.message}`);
    throw error;
  }
};

/** `GET /berth/v1/authority`, public, and `POST /berth/v1/join`; refusals are answered as Kubernetes Status objects. */
export const joinRoutes = (options: JoinOptions): ExtraRoute[] => [
  {
    method: 'GET',
    path: '/berth/v1/authority',
    handler: async () => ({ status: 200, body: { caPem: options.authority.certPem } }),
  },
  {
    method: 'POST',
    path: '/berth/v1/join',
    handler: async (request) => {
      try {
        return { status: 200, body: await join(request, options) };
      } catch (error) {
        if (!isApiError(error)) throw error;
        return { status: error.code, body: error.toStatus() };
      }
    },
  },
];
