/** What the store hands out: an object as it is at one revision, shared by all readers and therefore frozen by agreement. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';

export interface Stored<T extends KubeObject = KubeObject> {
  readonly kind: Kind;
  /** `namespace/name` or `name`. */
  readonly key: string;
  /** With metadata.resourceVersion set. Shared: never change it, copy it (structuredClone). */
  readonly object: T;
  /** metadata.resourceVersion as a number; orders all changes (revisions.ts says how it is made). */
  readonly revision: number;
  /** The object's JSON, serialized once and shared by all watchers and readers. */
  readonly bytes: Buffer;
}

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One change of one object, in revision order. */
export interface Change<T extends KubeObject = KubeObject> {
  readonly type: ChangeType;
  /** The object after the change; for DELETED its last state, with the revision of its deletion. */
  readonly stored: Stored<T>;
  /** The object before the change; undefined for ADDED. Selectors need both to tell entering from leaving. */
  readonly previous: Stored<T> | undefined;
}
