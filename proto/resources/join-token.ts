/**
 * Join tokens: `<id>.<secret>.<SHA-256 of the authority's public key>`. The cluster keeps of one what Kubernetes keeps of a
 * bootstrap token, a Secret in kube-system, but the secret part only as its hash: who may read Secrets cannot join with it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseTimestamp, timestamp } from '../process/clock.ts';
import type { Random } from '../process/random.ts';
import type { Secret } from './kubernetes.ts';

/** What its holder may become: a node, or another server, which gets the authority's key. */
export type JoinUsage = 'agent' | 'server';

export const joinUsages: readonly JoinUsage[] = ['agent', 'server'];

/** What the cluster knows of a token. */
export interface JoinToken {
  readonly id: string;
  readonly usages: readonly JoinUsage[];
  /** Undefined: it holds until it is deleted. */
  readonly expiresMs: number | undefined;
  readonly description: string;
}

export const joinTokenNamespace = 'kube-system';
export const joinTokenSecretType = 'bootstrap.kubernetes.io/token';
export const joinTokenSecretName = (id: string): string => `bootstrap-token-${id}`;

const [idCharacters, secretCharacters] = [6, 16];
const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})(?:\.([0-9a-f]{64}))?$/;
const usageKeys: Readonly<Record<JoinUsage, string>> = { agent: 'usage-bootstrap-authentication', server: 'usage-join-server' };
const hashKey = 'token-secret-sha256';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const decoded = (secret: Secret | undefined, key: string): string => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString();
const hash = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** The parts of a token's text; `pin` is the authority's fingerprint, which the servers are not sent. Undefined when it is none. */
export const parseJoinToken = (text: string): { readonly id: string; readonly secret: string; readonly pin: string | undefined } | undefined => {
  const [, id, secret, pin] = pattern.exec(text.trim()) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret, pin };
};

/** The two parts that are random. */
export const newJoinTokenParts = (random: Random): { readonly id: string; readonly secret: string } => ({ id: random.suffix(idCharacters), secret: random.suffix(secretCharacters) });

/** What the cluster is to keep. */
export const joinTokenSecret = ({ id, usages, expiresMs, description }: JoinToken, secret: string): Secret => {
  const data: Record<string, string> = {
    'token-id': id,
    [hashKey]: hash(secret).toString('hex'),
    ...(expiresMs === undefined ? {} : { expiration: timestamp(expiresMs) }),
    ...(description === '' ? {} : { description }),
    ...Object.fromEntries(usages.map((usage) => [usageKeys[usage], 'true'])),
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: joinTokenSecretName(id), namespace: joinTokenNamespace },
    type: joinTokenSecretType,
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)])),
  };
};

/** Undefined when the Secret is no token. */
export const joinTokenOf = (stored: Secret | undefined): JoinToken | undefined => {
  const id = decoded(stored, 'token-id');
  if (stored?.type !== joinTokenSecretType || stored.metadata.name !== joinTokenSecretName(id)) return undefined;
  const expiration = decoded(stored, 'expiration');
  return {
    id,
    usages: joinUsages.filter((usage) => decoded(stored, usageKeys[usage]) === 'true'),
    // One that cannot be read has passed.
    expiresMs: expiration === '' ? undefined : parseTimestamp(expiration) || 0,
    description: decoded(stored, 'description'),
  };
};

export const hasExpired = ({ expiresMs }: JoinToken, nowMs: number): boolean => expiresMs !== undefined && !(expiresMs > nowMs);

/** Whether this is the token's secret part; takes as long for one that is not there. */
export const isSecretOf = (stored: Secret | undefined, secret: string): boolean => {
  const kept = Buffer.from(decoded(stored, hashKey), 'hex');
  return timingSafeEqual(kept.length === 32 ? kept : Buffer.alloc(32), hash(secret));
};
