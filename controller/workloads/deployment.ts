/**
 * Brings a Deployment's ReplicaSets from one template to the next.
 *
 *     own sets ── claim ──► plan (one step) ──► write ──► status
 *
 * Each step's effect comes back as a change of a ReplicaSet and leads to the next step.
 * Writes: ReplicaSets (creation, deletion, replicas, annotations, minReadySeconds, ownerReferences), the revision
 * annotation and the status of Deployments.
 */
import { isApiError } from '../../proto/errors.ts';
import { deploymentKind, podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, Pod, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerOf, objectKey } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { matchesSelector } from '../../proto/resources/selector.ts';
import { sameJson } from '../api/json-equality.ts';
import { loopWritesMax } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { forEachBounded } from './batches.ts';
import { candidatesOf, claim, Orphans, settleClaims } from './controller-claims.ts';
import { type Conditions, progressDueMs, progressing, withCondition } from './deployment-conditions.ts';
import { type DeploymentPlan, type DeploymentView, planDeployment, type Refresh, viewOf } from './deployment-plan.ts';
import { deploymentStatus } from './deployment-status.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import { isTerminating } from './namespace.ts';
import type { Again, Reconciliation } from './reconciler.ts';
import { replicasOf, type Scaling } from './replica-counts.ts';
import { hasTemplateOf, replicasAnnotations, revisionAnnotation } from './revision-history.ts';

const name = 'deployment-controller';
/** Timers may fire a little early; a deadline must have passed when it is looked at. */
const deadlineSlackMs = 50;

export class Deployments implements Reconciliation {
  readonly name = name;
  readonly kinds = [deploymentKind, replicaSetKind, podKind];
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
    if (stored.kind === deploymentKind) yield stored.key;
    else if (stored.kind === podKind) yield* this.#keysOfPod(change);
    else {
      this.#orphans.apply(change);
      const namespace = stored.object.metadata.namespace ?? '';
      const owners = new Set([controllerOf(stored.object), previous && controllerOf(previous.object)]);
      for (const owner of owners) if (owner?.kind === deploymentKind.kind) yield `${namespace}/${owner.name}`;
      if (change.type === 'DELETED' || controllerOf(stored.object) !== undefined) return;
      for (const deployment of this.#parts.reader.list<Deployment>(deploymentKind, namespace)) {
        if (matchesSelector(deployment.object.spec?.selector, stored.object.metadata.labels)) yield deployment.key;
      }
    }
  }

  /** Recreate waits for the last old pod to stop, which no ReplicaSet's status tells. */
  *#keysOfPod({ type, stored }: Change): Iterable<string> {
    if (type !== 'DELETED' && !isTerminal(stored.object as Pod)) return;
    const { reader } = this.#parts;
    const namespace = stored.object.metadata.namespace ?? '';
    const set = reader.get(replicaSetKind, `${namespace}/${controllerOf(stored.object)?.name}`);
    const owner = set && controllerOf(set.object);
    const deployment = owner && reader.get<Deployment>(deploymentKind, `${namespace}/${owner.name}`);
    if (deployment?.object.spec?.strategy?.type === 'Recreate') yield deployment.key;
  }

  async reconcile(key: string, again: Again, signal: AbortSignal): Promise<void> {
    const { reader, verbs, clock } = this.#parts;
    const found = reader.get<Deployment>(deploymentKind, key)?.object;
    if (found === undefined) return;
    const candidates = candidatesOf<ReplicaSet>(reader, replicaSetKind, found, this.#orphans);
    const claims = claim(found, found.spec?.selector, candidates);
    await settleClaims(verbs, replicaSetKind, found, claims, name);
    const view = this.#view(found, [...claims.owned, ...claims.adopt]);
    const plan = planDeployment(view, clock.nowMs());
    const conditions = isTerminating(reader, found) ? plan.conditions : await this.#execute(found, plan, signal);
    if (!signal.aborted) await this.#report(key, conditions, again);
  }

  #view(deployment: Deployment, sets: readonly ReplicaSet[]): DeploymentView {
    const { reader } = this.#parts;
    return viewOf(deployment, sets, (set) => reader.indexed<Pod>(podKind, 'owner', set.metadata.uid ?? '').map(({ object }) => object));
  }

  /** Carries out one step; resolves to the conditions as the step leaves them. */
  async #execute(deployment: Deployment, plan: DeploymentPlan, signal: AbortSignal): Promise<Conditions> {
    signal.throwIfAborted();
    if (plan.refresh) await this.#refresh(plan.refresh);
    const [conditions] = await Promise.all([
      plan.create ? this.#create(deployment, plan.create, plan.conditions) : plan.conditions,
      plan.revision === undefined ? undefined : this.#stampRevision(deployment, plan.revision),
      forEachBounded(plan.scale, loopWritesMax, (scaling) => this.#scale(deployment, scaling)),
      forEachBounded(plan.remove, loopWritesMax, (set) => this.#remove(set)),
    ]);
    return conditions;
  }

  async #create(deployment: Deployment, set: ReplicaSet, conditions: Conditions): Promise<Conditions> {
    const { verbs, recorder, clock } = this.#parts;
    const setName = set.metadata.name ?? '';
    try {
      await verbs.create(replicaSetKind, set.metadata.namespace ?? '', set, writesAs(name));
    } catch (error) {
      if (isApiError(error, 'AlreadyExists')) await this.#resolveCollision(deployment, set);
      else {
        const message = `Failed to create new replica set "${setName}": ${error instanceof Error ? error.message : String(error)}`;
        recorder.record(deployment, 'Warning', 'ReplicaSetCreateError', message, { component: name });
        await this.#writeStatus(deployment, (present) =>
          withCondition(present, progressing('False', 'ReplicaSetCreateError', message), clock.nowMs()),
        );
      }
      throw error;
    }
    const replicas = replicasOf(set);
    if (replicas > 0) this.#tellScaling(deployment, setName, 0, replicas);
    return withCondition(conditions, progressing('True', 'NewReplicaSetCreated', `Created new replica set "${setName}"`), clock.nowMs());
  }

  /** Another ReplicaSet has the name that our hash leads to: count it, and the next hash is another one. */
  async #resolveCollision(deployment: Deployment, set: ReplicaSet): Promise<void> {
    const existing = this.#parts.reader.get<ReplicaSet>(replicaSetKind, objectKey(set))?.object;
    const isOurs = existing && controllerOf(existing)?.uid === deployment.metadata.uid && hasTemplateOf(deployment, existing);
    if (existing === undefined || isOurs) return;
    const before = deployment.status?.collisionCount ?? 0;
    await this.#parts.verbs.modify<Deployment>(
      deploymentKind,
      objectKey(deployment),
      (present) =>
        (present.status?.collisionCount ?? 0) === before
          ? { ...present, status: { ...present.status, collisionCount: before + 1 } }
          : undefined,
      writesAs(name, 'status'),
    );
  }

  async #writeStatus(deployment: Deployment, change: (conditions: Conditions) => Conditions): Promise<void> {
    await this.#parts.verbs.modify<Deployment>(
      deploymentKind,
      objectKey(deployment),
      (present) => ({ ...present, status: { ...present.status, conditions: [...change(present.status?.conditions ?? [])] } }),
      writesAs(name, 'status'),
    );
  }

  async #refresh({ set, annotations, minReadySeconds }: Refresh): Promise<void> {
    await this.#modifySet(set, (present) => ({
      ...present,
      metadata: { ...present.metadata, annotations: { ...annotations } },
      ...(present.spec ? { spec: { ...present.spec, minReadySeconds } } : {}),
    }));
  }

  async #stampRevision(deployment: Deployment, revision: string): Promise<void> {
    await this.#parts.verbs.modify<Deployment>(
      deploymentKind,
      objectKey(deployment),
      (present) =>
        present.metadata.uid === deployment.metadata.uid
          ? { ...present, metadata: { ...present.metadata, annotations: { ...present.metadata.annotations, [revisionAnnotation]: revision } } }
          : undefined,
      writesAs(name),
    );
  }

  async #scale(deployment: Deployment, { set, replicas }: Scaling): Promise<void> {
    const before = replicasOf(set);
    await this.#modifySet(set, (present) => ({
      ...present,
      metadata: { ...present.metadata, annotations: { ...present.metadata.annotations, ...replicasAnnotations(deployment) } },
      ...(present.spec ? { spec: { ...present.spec, replicas } } : {}),
    }));
    if (replicas !== before) this.#tellScaling(deployment, set.metadata.name ?? '', before, replicas);
  }

  #tellScaling(deployment: Deployment, setName: string, before: number, after: number): void {
    const message = `Scaled ${after > before ? 'up' : 'down'} replica set ${setName} from ${before} to ${after}`;
    this.#parts.recorder.record(deployment, 'Normal', 'ScalingReplicaSet', message, { component: name });
  }

  async #modifySet(set: ReplicaSet, change: (present: ReplicaSet) => ReplicaSet): Promise<void> {
    await this.#parts.verbs.modify<ReplicaSet>(
      replicaSetKind,
      objectKey(set),
      (present) => (present.metadata.uid === set.metadata.uid ? change(present) : undefined),
      writesAs(name),
    );
  }

  async #remove(set: ReplicaSet): Promise<void> {
    const { namespace = '', name: setName = '', uid, resourceVersion } = set.metadata;
    const preconditions = { ...(uid ? { uid } : {}), ...(resourceVersion ? { resourceVersion } : {}) };
    await ignoring(['NotFound'], this.#parts.verbs.delete(replicaSetKind, namespace, setName, { ...writesAs(name), preconditions }));
  }

  /** Looks again, for the cache now shows what was just written. */
  async #report(key: string, conditions: Conditions, again: Again): Promise<void> {
    const { reader, verbs, clock } = this.#parts;
    const deployment = reader.get<Deployment>(deploymentKind, key)?.object;
    if (deployment === undefined) return;
    const sets = claim(deployment, deployment.spec?.selector, candidatesOf<ReplicaSet>(reader, replicaSetKind, deployment, this.#orphans));
    const view = this.#view(deployment, sets.owned);
    const nowMs = clock.nowMs();
    const status = deploymentStatus(deployment, view.newSet, view.oldSets, conditions, nowMs);
    const dueMs = progressDueMs(deployment, status.conditions ?? []);
    if (dueMs !== undefined) again(key, Math.max(0, dueMs - nowMs) + deadlineSlackMs);
    if (sameJson(status, deployment.status ?? {})) return;
    await ignoring(['NotFound'], verbs.modify<Deployment>(
      deploymentKind,
      key,
      (present) => (present.metadata.uid === deployment.metadata.uid ? { ...present, status } : undefined),
      writesAs(name, 'status'),
    ));
  }
}
