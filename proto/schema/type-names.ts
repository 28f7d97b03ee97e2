/**
 * How types are named: in full as Kubernetes' OpenAPI does (`io.k8s.api.apps.v1.Deployment`), and in short
 * (`apps.v1.Deployment`) in the tables that people write.
 */
import type { Kind } from '../kinds.ts';

const metaPrefix = 'io.k8s.apimachinery.pkg.apis.';
const apiPrefix = 'io.k8s.api.';

/** The package of a group: `core` for the empty one, else the first label (`coordination.k8s.io` -> `coordination`). */
export const packageOf = (group: string): string => (group === '' ? 'core' : (group.split('.')[0] ?? group));

/** `apps.v1.Deployment` -> `io.k8s.api.apps.v1.Deployment`. */
export const fullName = (shortName: string): string => `${shortName.startsWith('meta.') ? metaPrefix : apiPrefix}${shortName}`;

/** `io.k8s.api.apps.v1.Deployment` -> `apps.v1.Deployment`. */
export const shortName = (name: string): string => {
  if (name.startsWith(metaPrefix)) return name.slice(metaPrefix.length);
  return name.startsWith(apiPrefix) ? name.slice(apiPrefix.length) : name;
};

/** As Go writes it, package by version: `v1.Deployment`. */
export const goName = (name: string): string => name.split('.').slice(-2).join('.');

/** The name alone: `Deployment`. */
export const bareName = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** The full type name of a kind's objects. */
export const typeNameOf = (kind: Pick<Kind, 'group' | 'version' | 'kind'>): string =>
  fullName(`${packageOf(kind.group)}.${kind.version}.${kind.kind}`);
