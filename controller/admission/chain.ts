/** Admission: what is asked of every write beyond the object itself, in order. A rule throws ApiError, or completes the object in place. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { User } from '../api/verbs.ts';
import type { Reader } from '../store/reader.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { protectedNamespaces } from './protected-namespaces.ts';
import { serviceAccount } from './service-account.ts';

export interface Admitted {
  readonly operation: 'create' | 'update' | 'delete';
  readonly kind: Kind;
  /** Empty for what has no namespace. */
  readonly namespace: string;
  readonly name: string;
  readonly user: User;
  /** The object to be written, the chain's own copy; undefined for deletions. */
  readonly object?: KubeObject;
}

export type Rule = (write: Admitted, reader: Reader) => Promise<void> | void;

const rules: readonly Rule[] = [protectedNamespaces, namespaceLifecycle, serviceAccount];

/** Runs the chain; the first objection wins. */
export const admit = async (write: Admitted, reader: Reader): Promise<void> => {
  for (const rule of rules) {
    const pending = rule(write, reader);
    // Most rules answer at once: no turn of the event loop for them.
    if (pending) await pending;
  }
};
