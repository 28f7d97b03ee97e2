/**
 * The life of a namespace after its creation: its `default` ServiceAccount, and its end with all that is in it.
 *
 *     Active ── delete ──► Terminating ── contents deleted ──► nothing left ──► finalize ──► gone
 *
 * Writes: ServiceAccount `default`, deletions of everything in a terminating namespace, the namespace's status and
 * its spec.finalizers.
 */
import { type Kind, kinds, namespaceKind, serviceAccountKind } from '../../proto/kinds.ts';
import { conditionOf, setCondition } from '../../proto/resources/conditions.ts';
import type { KubeObject, Namespace, ServiceAccount } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { sameJson } from '../api/json-equality.ts';
import { loopWritesMax } from '../limits.ts';
import type { Reader } from '../store/reader.ts';
import type { Change, Stored } from '../store/stored.ts';
import { forEachBounded } from './batches.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'namespace-controller';
const namespacedKinds: readonly Kind[] = kinds.filter((kind) => kind.namespaced);

/** Whether the object's namespace is on its way out, so that creating anything in it would be refused. */
export const isTerminating = (reader: Reader, object: KubeObject): boolean => {
  const namespace = reader.get(namespaceKind, object.metadata.namespace ?? '');
  return namespace !== undefined && isBeingDeleted(namespace.object);
};

type Conditions = NonNullable<NonNullable<Namespace['status']>['conditions']>;

/** The conditions that tell why a namespace is still there. Pure. */
export const terminationConditions = (
  present: Conditions | undefined,
  remaining: readonly Stored[],
  nowMs: number,
): Conditions => {
  const counts = new Map<string, number>();
  const waiting = new Map<string, number>();
  for (const { kind, object } of remaining) {
    counts.set(kind.plural, (counts.get(kind.plural) ?? 0) + 1);
    for (const finalizer of object.metadata.finalizers ?? []) waiting.set(finalizer, (waiting.get(finalizer) ?? 0) + 1);
  }
  const listed = (entries: Map<string, number>, form: (text: string, count: number) => string): string =>
    [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([text, count]) => form(text, count)).join(', ');
  const verdicts: Conditions = [
    {
      type: 'NamespaceContentRemaining',
      status: counts.size > 0 ? 'True' : 'False',
      reason: counts.size > 0 ? 'SomeResourcesRemain' : 'ContentRemoved',
      message:
        counts.size > 0
          ? `Some resources are remaining: ${listed(counts, (text, count) => `${text} has ${count} resource instances`)}`
          : 'All content successfully removed',
    },
    {
      type: 'NamespaceFinalizersRemaining',
      status: waiting.size > 0 ? 'True' : 'False',
      reason: waiting.size > 0 ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
      message:
        waiting.size > 0
          ? `Some content in the namespace has finalizers remaining: ${listed(waiting, (text, count) => `${text} in ${count} resource instances`)}`
          : 'All content-preserving finalizers finished',
    },
  ];
  return verdicts.reduce<Conditions>((conditions, verdict) => setCondition(conditions, verdict, nowMs), present ?? []);
};

export class Namespaces implements Reconciliation {
  readonly name = name;
  readonly kinds = kinds;
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  *keysOf({ type, stored }: Change): Iterable<string> {
    if (stored.kind === namespaceKind) {
      yield stored.key;
      return;
    }
    const namespace = stored.object.metadata.namespace;
    if (!namespace) return;
    const lostDefault = type === 'DELETED' && stored.kind === serviceAccountKind;
    if (lostDefault || isTerminating(this.#parts.reader, stored.object)) yield namespace;
  }

  async reconcile(key: string, _again: Again, signal: AbortSignal): Promise<void> {
    const namespace = this.#parts.reader.get<Namespace>(namespaceKind, key)?.object;
    if (namespace === undefined) return;
    if (!isBeingDeleted(namespace)) await this.#ensureServiceAccount(key);
    else if (namespace.spec?.finalizers?.length) await this.#empty(namespace, signal);
  }

  async #ensureServiceAccount(namespace: string): Promise<void> {
    const { reader, verbs } = this.#parts;
    if (reader.get(serviceAccountKind, `${namespace}/default`)) return;
    const account: ServiceAccount = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    await ignoring(['AlreadyExists'], verbs.create(serviceAccountKind, namespace, account, writesAs('serviceaccount-controller')));
  }

  #contents(namespace: string): Stored[] {
    return namespacedKinds.flatMap((kind) => this.#parts.reader.list(kind, namespace));
  }

  async #empty(namespace: Namespace, signal: AbortSignal): Promise<void> {
    const { verbs, clock } = this.#parts;
    const key = namespace.metadata.name ?? '';
    const toDelete = this.#contents(key).filter(({ object }) => !isBeingDeleted(object));
    await forEachBounded(toDelete, loopWritesMax, async ({ kind, object }) => {
      signal.throwIfAborted();
      const preconditions = object.metadata.uid ? { preconditions: { uid: object.metadata.uid } } : {};
      const how = { ...writesAs(name), propagationPolicy: 'Background' as const, ...preconditions };
      await ignoring(['NotFound', 'Conflict'], verbs.delete(kind, key, object.metadata.name ?? '', how));
    });
    const remaining = this.#contents(key);
    if (remaining.length === 0) {
      await this.#finalize(namespace);
      return;
    }
    const conditions = terminationConditions(namespace.status?.conditions, remaining, clock.nowMs());
    const known = conditionOf(namespace.status, 'NamespaceContentRemaining');
    if (known !== undefined && sameJson(conditions, namespace.status?.conditions)) return;
    await this.#modify(namespace, 'status', (present) => ({ ...present, status: { ...present.status, conditions } }));
  }

  async #finalize(namespace: Namespace): Promise<void> {
    await this.#modify(namespace, 'finalize', (present) => ({
      ...present,
      spec: { ...present.spec, finalizers: (present.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes') },
    }));
  }

  async #modify(namespace: Namespace, subresource: string, change: (present: Namespace) => Namespace): Promise<void> {
    const { uid, name: key = '' } = namespace.metadata;
    await ignoring(['NotFound'], this.#parts.verbs.modify<Namespace>(
      namespaceKind,
      key,
      (present) => (present.metadata.uid === uid ? change(present) : undefined),
      writesAs(name, subresource),
    ));
  }
}
