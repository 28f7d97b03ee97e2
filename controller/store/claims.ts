/**
 * Claims: what one object may have and no other, such as an address. Each is a key of its own in etcd that is written in
 * the transaction of its object and guarded to be absent, so that no two objects have the same, whoever wrote them.
 */
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { claimsPrefix } from './keys.ts';

/** The claims of an object as it is, such as `cluster-ips/10.96.0.7`; a pure function of the object. */
export type ClaimsOf = (object: KubeObject) => readonly string[];

export const noClaims: ClaimsOf = () => [];

/** Another object has what this one was to claim; nothing was written. */
export class ClaimTaken extends Error {
  override readonly name = 'ClaimTaken';
  readonly claims: readonly string[];

  constructor(claims: readonly string[]) {
    super('a claim is taken');
    this.claims = claims;
  }
}

export const claimKey = (claim: string): string => `${claimsPrefix}${claim}`;

export interface ClaimChanges {
  readonly taken: readonly string[];
  readonly released: readonly string[];
}

/** What changes between an object and its predecessor; undefined stands for an object that is not there. */
export const claimChanges = (claimsOf: ClaimsOf, before: KubeObject | undefined, after: KubeObject | undefined): ClaimChanges => {
  const held = before ? claimsOf(before) : [];
  const wanted = after ? claimsOf(after) : [];
  return { taken: wanted.filter((claim) => !held.includes(claim)), released: held.filter((claim) => !wanted.includes(claim)) };
};
