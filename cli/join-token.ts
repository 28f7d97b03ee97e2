/** Making a join token: a Secret that keeps its hash, and its text with the authority's pin, which is shown once. */
import { isApiError } from '../proto/errors.ts';
import { namespaceKind, secretKind } from '../proto/kinds.ts';
import type { Client } from '../proto/client.ts';
import { systemRandom } from '../proto/process/random.ts';
import { fingerprint } from '../proto/process/tls.ts';
import { type JoinToken, joinTokenNamespace, joinTokenSecret, newJoinTokenParts } from '../proto/resources/join-token.ts';

/** Creates the Secret and returns `<id>.<secret>.<sha256 of the authority>`. */
export const createToken = async (client: Client, authorityPem: string, token: Omit<JoinToken, 'id'>): Promise<string> => {
  const { id, secret } = newJoinTokenParts(systemRandom);
  await client.create(namespaceKind, undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: joinTokenNamespace } }).catch((error: unknown) => {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  });
  await client.create(secretKind, joinTokenNamespace, joinTokenSecret({ ...token, id }, secret));
  return `${id}.${secret}.${fingerprint(authorityPem)}`;
};
