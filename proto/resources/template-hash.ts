/** The name that a pod template's content gives it: `pod-template-hash`, and the suffix of a ReplicaSet's name. */
import { createHash } from 'node:crypto';
import { suffixAlphabet } from '../process/random.ts';
import type { PodTemplateSpec } from './kubernetes.ts';

const hashCharacters = 10;

/** JSON with sorted keys and without what is absent, so that equal templates have equal text however they were written. */
const canonicalText = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) => {
    if (part === null) return undefined;
    if (typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  });

/**
 * Deterministic over content, safe in names and label values. `collisionCount` (status.collisionCount of a
 * Deployment) leads to another hash when one is taken by a ReplicaSet with another template.
 */
export const templateHash = (template: PodTemplateSpec, collisionCount?: number | null): string => {
  const digest = createHash('sha256').update(canonicalText(template));
  if (collisionCount) digest.update(`#${collisionCount}`);
  const bytes = digest.digest();
  return Array.from(bytes.subarray(0, hashCharacters), (byte) => suffixAlphabet[byte % suffixAlphabet.length]).join('');
};
