/**
 * Keeps as many pods of a template as a ReplicaSet asks for.
 *
 *     own pods ── claim ──► plan ──► create / delete ──► status
 *
 * Writes: pods (creation, deletion, ownerReferences) and the status of ReplicaSets.
 */
import { isApiError } from '../../proto/errors.ts';
import { podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerOf, objectKey } from '../../proto/resources/meta.ts';
import { matchesSelector } from '../../proto/resources/selector.ts';
import { sameJson } from '../api/json-equality.ts';
import { loopWritesMax } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { forEachBounded, slowStart } from './batches.ts';
import { candidatesOf, claim, Orphans, settleClaims } from './controller-claims.ts';
import { ignoring } from './ignoring.ts';
import { isTerminating } from './namespace.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Again, Reconciliation } from './reconciler.ts';
import { planReplicaSet, podFromTemplate, type ReplicaSetPlan } from './replica-set-plan.ts';
import { nextAvailableMs, type ReplicaFailure, replicaSetStatus } from './replica-set-status.ts';

const name = 'replicaset-controller';

/** A failure to tell about in the status, and to try again after. */
interface Failed extends ReplicaFailure {
  readonly cause: unknown;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class ReplicaSets implements Reconciliation {
  readonly name = name;
  readonly kinds = [replicaSetKind, podKind];
  readonly #parts: LoopParts;
  readonly #orphans = new Orphans();

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  reset(): void {
    this.#orphans.clear();
  }

  *keysOf(change: Change): Iterable<string> {
    const { stored, previous } = change;
    if (stored.kind === replicaSetKind) {
      yield stored.key;
      return;
    }
    this.#orphans.apply(change);
    const namespace = stored.object.metadata.namespace ?? '';
    const owners = new Set([controllerOf(stored.object), previous && controllerOf(previous.object)]);
    for (const owner of owners) if (owner?.kind === replicaSetKind.kind) yield `${namespace}/${owner.name}`;
    if (change.type === 'DELETED' || controllerOf(stored.object) !== undefined) return;
    for (const set of this.#parts.reader.list<ReplicaSet>(replicaSetKind, namespace)) {
      if (matchesSelector(set.object.spec?.selector, stored.object.metadata.labels)) yield set.key;
    }
  }

  async reconcile(key: string, again: Again, signal: AbortSignal): Promise<void> {
    const { reader, verbs, clock } = this.#parts;
    const found = reader.get<ReplicaSet>(replicaSetKind, key);
    if (found === undefined) return;
    const claims = claim(found.object, found.object.spec?.selector, candidatesOf<Pod>(reader, podKind, found.object, this.#orphans));
    await settleClaims(verbs, podKind, found.object, claims, name);
    const plan = planReplicaSet(found.object, [...claims.owned, ...claims.adopt], this.#related(found.object), clock.nowMs());
    const failed = isTerminating(reader, found.object) ? undefined : await this.#execute(found.object, plan, signal);
    if (signal.aborted) return;
    await this.#report(key, failed, again);
    if (failed !== undefined) throw failed.cause;
  }

  /** Pods of all ReplicaSets with the same controller: the ones that share the node's fate with ours. */
  #related(set: ReplicaSet): Pod[] {
    const { reader } = this.#parts;
    const owner = controllerOf(set);
    const siblings = owner ? reader.indexed<ReplicaSet>(replicaSetKind, 'owner', owner.uid).map(({ object }) => object) : [set];
    return siblings.flatMap((sibling) =>
      reader.indexed<Pod>(podKind, 'owner', sibling.metadata.uid ?? '').map(({ object }) => object),
    );
  }

  async #execute(set: ReplicaSet, plan: ReplicaSetPlan, signal: AbortSignal): Promise<Failed | undefined> {
    const { failure } = await slowStart(plan.create, async () => {
      signal.throwIfAborted();
      await this.#create(set);
    });
    if (failure !== undefined) return { reason: 'FailedCreate', message: messageOf(failure), cause: failure };
    try {
      await forEachBounded(plan.remove, loopWritesMax, async (pod) => {
        signal.throwIfAborted();
        await this.#remove(set, pod);
      });
      return undefined;
    } catch (error) {
      return { reason: 'FailedDelete', message: messageOf(error), cause: error };
    }
  }

  async #create(set: ReplicaSet): Promise<void> {
    const { verbs, recorder } = this.#parts;
    try {
      const pod = await verbs.create(podKind, set.metadata.namespace ?? '', podFromTemplate(set), writesAs(name));
      recorder.record(set, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.object.metadata.name}`, { component: name });
    } catch (error) {
      recorder.record(set, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`, { component: name });
      throw error;
    }
  }

  async #remove(set: ReplicaSet, pod: Pod): Promise<void> {
    const { verbs, recorder } = this.#parts;
    const podName = pod.metadata.name ?? '';
    try {
      const preconditions = pod.metadata.uid ? { preconditions: { uid: pod.metadata.uid } } : {};
      await verbs.delete(podKind, pod.metadata.namespace ?? '', podName, { ...writesAs(name), ...preconditions });
      recorder.record(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${podName}`, { component: name });
    } catch (error) {
      // Gone already, or another pod of the same name: either way ours is no more.
      if (isApiError(error, 'NotFound') || isApiError(error, 'Conflict')) return;
      recorder.record(set, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`, { component: name });
      throw error;
    }
  }

  /** Looks again, for the cache now shows what was just written. */
  async #report(key: string, failed: Failed | undefined, again: Again): Promise<void> {
    const { reader, verbs, clock } = this.#parts;
    const set = reader.get<ReplicaSet>(replicaSetKind, key)?.object;
    if (set === undefined) return;
    const pods = reader
      .indexed<Pod>(podKind, 'owner', set.metadata.uid ?? '')
      .map(({ object }) => object)
      .filter((pod) => controllerOf(pod)?.uid === set.metadata.uid);
    const nowMs = clock.nowMs();
    const failure = failed && { reason: failed.reason, message: failed.message };
    const status = replicaSetStatus(set, pods, failure, nowMs);
    const waitMs = nextAvailableMs(set, pods, nowMs);
    if (waitMs !== undefined) again(key, waitMs);
    if (sameJson(status, set.status ?? { replicas: 0 })) return;
    await ignoring(['NotFound'], verbs.modify<ReplicaSet>(
      replicaSetKind,
      objectKey(set),
      // A newer generation will be reconciled, and reported on, by itself.
      (present) => (present.metadata.uid === set.metadata.uid ? { ...present, status } : undefined),
      writesAs(name, 'status'),
    ));
  }
}
