/** A token that lets one agent join: a bootstrap token Secret, as Kubernetes keeps them, and its text with the authority's pin. */
import { isApiError } from '../../proto/errors.ts';
import { namespaceKind, secretKind } from '../../proto/kinds.ts';
import type { Client } from '../../proto/client.ts';
import { type Clock, timestamp } from '../../proto/process/clock.ts';
import { fingerprint } from '../../proto/process/tls.ts';
import { randomBytes } from 'node:crypto';

const lifetimeMs = 60 * 60_000;

const characters = (count: number): string =>
  [...randomBytes(count)].map((byte) => 'abcdefghijklmnopqrstuvwxyz0123456789'[byte % 36]).join('');

/** Creates the Secret and returns `<id>.<secret>.<sha256 of the authority>`. */
export const createToken = async (client: Client, authorityPem: string, clock: Clock): Promise<string> => {
  const [id, secret] = [characters(6), characters(16)];
  await client.create(namespaceKind, undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'kube-system' } }).catch((error: unknown) => {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  });
  await client.create(secretKind, 'kube-system', {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    stringData: {
      'token-id': id,
      'token-secret': secret,
      expiration: timestamp(clock.nowMs() + lifetimeMs),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
    },
  });
  return `${id}.${secret}.${fingerprint(authorityPem)}`;
};
