/**
 * Keeps the status of PodDisruptionBudgets: what the eviction subresource goes by.
 *
 *     a pod ──► budgets that select it ──► their pods ──► the pods' controllers ──► numbers ──► status
 *
 * Writes: the status of PodDisruptionBudgets. An eviction writes there too, each on top of what the other wrote.
 */
import { deploymentKind, podDisruptionBudgetKind, podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, KubeObject, Pod, PodDisruptionBudget, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerOf, isBeingDeleted } from '../../proto/resources/meta.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { matchesSelector } from '../../proto/resources/selector.ts';
import { sameJson } from '../api/json-equality.ts';
import { LabelIndex, SelectorIndex } from '../services/label-index.ts';
import type { Reader } from '../store/reader.ts';
import type { Change } from '../store/stored.ts';
import { type Disruption, disruptionOf, failedStatus, needsScale } from './disruption-status.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'disruption-controller';

/** A pod whose controller does not say how many it wants, so that a share of them cannot be told. */
class ScaleUnknown extends Error {
  override readonly name = 'ScaleUnknown';
}

/** What of a pod its budgets can see. */
const factsOf = (pod: Pod): string => `${isPodReady(pod)} ${isBeingDeleted(pod)} ${controllerOf(pod)?.uid ?? ''}`;

/** The object with the scale that a pod belongs to: its Deployment, or its ReplicaSet when nobody owns that. */
const scaledOwner = (reader: Reader, pod: Pod): KubeObject & { readonly spec?: { readonly replicas?: number } } => {
  const { namespace = '', name: podName = '' } = pod.metadata;
  const owner = controllerOf(pod);
  const set = owner?.kind === replicaSetKind.kind ? reader.get<ReplicaSet>(replicaSetKind, `${namespace}/${owner.name}`)?.object : undefined;
  if (set === undefined || set.metadata.uid !== owner?.uid) throw new ScaleUnknown(`found no controllers for pod "${podName}"`);
  const above = controllerOf(set);
  if (above?.kind !== deploymentKind.kind) return set;
  const deployment = reader.get<Deployment>(deploymentKind, `${namespace}/${above.name}`)?.object;
  return deployment?.metadata.uid === above.uid && deployment ? deployment : set;
};

export class Disruptions implements Reconciliation {
  readonly name = name;
  readonly kinds = [podDisruptionBudgetKind, podKind];
  readonly #parts: LoopParts;
  readonly #pods = new LabelIndex();
  /** Budgets by the labels that they demand; expressions are looked at afterwards. */
  readonly #selectors = new SelectorIndex();
  /** Namespace -> budgets that demand no label. */
  readonly #broad = new Map<string, Set<string>>();

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  reset(): void {
    this.#pods.clear();
    this.#selectors.clear();
    this.#broad.clear();
  }

  keysOf(change: Change): Iterable<string> {
    return change.stored.kind === podKind ? this.#ofPod(change) : this.#ofBudget(change);
  }

  *#ofBudget({ type, stored }: Change): Iterable<string> {
    const { metadata: { namespace = '' }, spec } = stored.object as PodDisruptionBudget;
    const labels = spec?.selector?.matchLabels ?? {};
    const isBroad = type !== 'DELETED' && Object.keys(labels).length === 0;
    this.#selectors.set(namespace, stored.key, type === 'DELETED' || isBroad ? undefined : labels);
    const broad = this.#broad.get(namespace) ?? new Set();
    if (isBroad) this.#broad.set(namespace, broad.add(stored.key));
    else if (broad.delete(stored.key) && broad.size === 0) this.#broad.delete(namespace);
    if (type !== 'DELETED') yield stored.key;
  }

  *#ofPod({ type, stored, previous }: Change): Iterable<string> {
    const pod = stored.object as Pod;
    const before = previous?.object as Pod | undefined;
    const { namespace = '', labels = {} } = pod.metadata;
    const oldLabels = before?.metadata.labels ?? {};
    const isMoved = !sameJson(labels, oldLabels);
    if (type === 'DELETED') this.#pods.delete(namespace, stored.key, oldLabels);
    else if (isMoved) this.#pods.set(namespace, stored.key, labels, oldLabels);
    if (type !== 'DELETED' && !isMoved && before && factsOf(before) === factsOf(pod)) return;
    yield* this.#selecting(namespace, labels);
    if (isMoved) yield* this.#selecting(namespace, oldLabels);
  }

  *#selecting(namespace: string, labels: Readonly<Record<string, string>>): Iterable<string> {
    for (const key of [...this.#selectors.selecting(namespace, labels), ...(this.#broad.get(namespace) ?? [])]) {
      const budget = this.#parts.reader.get<PodDisruptionBudget>(podDisruptionBudgetKind, key)?.object;
      if (budget && matchesSelector(budget.spec?.selector, labels)) yield key;
    }
  }

  async reconcile(key: string, again: Again): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const found = reader.get<PodDisruptionBudget>(podDisruptionBudgetKind, key)?.object;
    if (found === undefined || isBeingDeleted(found)) return;
    let disruption: Disruption | undefined;
    // The numbers are found again for the budget that is written to: an eviction may have been noted in it meanwhile.
    await ignoring(['NotFound'], verbs.modify<PodDisruptionBudget>(
      podDisruptionBudgetKind,
      key,
      (present) => {
        const outcome = this.#outcome(present, clock.nowMs());
        disruption = typeof outcome === 'string' ? undefined : outcome;
        const status = typeof outcome === 'string' ? failedStatus(present, outcome, clock.nowMs()) : outcome.status;
        return sameJson(status, present.status) ? undefined : { ...present, status };
      },
      writesAs(name, 'status'),
    ));
    for (const pod of disruption?.overdue ?? []) {
      recorder.record(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${key} to be deleted but it wasn't`, { component: 'controllermanager' });
    }
    if (disruption?.recheckMs !== undefined) again(key, disruption.recheckMs - clock.nowMs());
  }

  /** The numbers, or why there are none. */
  #outcome(budget: PodDisruptionBudget, nowMs: number): Disruption | string {
    const pods = this.#podsOf(budget);
    try {
      return disruptionOf(budget, pods, needsScale(budget) ? this.#scaleOf(pods) : pods.length, nowMs);
    } catch (error) {
      if (error instanceof ScaleUnknown) return error.message;
      throw error;
    }
  }

  #podsOf({ metadata: { namespace = '' }, spec }: PodDisruptionBudget): Pod[] {
    const { reader } = this.#parts;
    const labels = spec?.selector?.matchLabels ?? {};
    const candidates = Object.keys(labels).length === 0
      ? reader.list<Pod>(podKind, namespace).map(({ object }) => object)
      : this.#pods.candidates(namespace, labels).flatMap((key) => reader.get<Pod>(podKind, key)?.object ?? []);
    return candidates.filter(({ metadata }) => matchesSelector(spec?.selector, metadata.labels));
  }

  /** How many pods the controllers of these want, each controller counted once; pods without one do not count. */
  #scaleOf(pods: readonly Pod[]): number {
    const replicas = new Map<string, number>();
    for (const pod of pods) {
      if (controllerOf(pod) === undefined) continue;
      const { metadata, spec } = scaledOwner(this.#parts.reader, pod);
      replicas.set(metadata.uid ?? '', spec?.replicas ?? 1);
    }
    return [...replicas.values()].reduce((total, each) => total + each, 0);
  }
}
