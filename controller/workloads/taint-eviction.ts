/**
 * NoExecute taints send pods away: at once those that do not tolerate them, after tolerationSeconds those that do for
 * a time. Deleting the pod is all; its owner makes another one.
 *
 * A pod that says nothing about a node's failure stays `podEvictionSeconds`, as if it had the tolerations that Kubernetes adds on
 * admission. Which failing nodes have the taint at all, and when, is `eviction-pace.ts`'s.
 */
import { nodeKind, podKind } from '../../proto/kinds.ts';
import { parseTimestamp } from '../../proto/process/clock.ts';
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Node, Pod, Taint } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { sameJson } from '../api/json-equality.ts';
import { tolerates } from '../scheduler/tolerations.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import { notReadyTaint, unreachableTaint } from './node-conditions.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'taint-eviction-controller';

const disruption = { reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint' } as const;

/** How long the pod may stay with the taint, in seconds; Infinity for ever. */
const toleratedSeconds = (pod: Pod, taint: Taint, podEvictionSeconds: number): number => {
  const fitting = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  if (fitting.length === 0) {
    return taint.key === notReadyTaint || taint.key === unreachableTaint ? podEvictionSeconds : 0;
  }
  return Math.min(...fitting.map(({ tolerationSeconds }) => Math.max(0, tolerationSeconds ?? Number.POSITIVE_INFINITY)));
};

/**
 * When the pod has to leave, in milliseconds since the epoch: Infinity for never, in the past for at once. Its time
 * starts when it and the taint have come together. Pure.
 *
 * @param podEvictionSeconds for taints of a node's failure that the pod says nothing about
 * @param sinceMs when a taint that does not tell itself was first seen
 */
export const evictionDueMs = (pod: Pod, taints: readonly Taint[], podEvictionSeconds: number, sinceMs: (taint: Taint) => number): number => {
  const scheduledMs = parseTimestamp(conditionOf(pod.status, 'PodScheduled')?.lastTransitionTime);
  const due = taints
    .filter(({ effect }) => effect === 'NoExecute')
    .map((taint) => {
      const addedMs = parseTimestamp(taint.timeAdded);
      const startMs = Number.isFinite(addedMs) ? addedMs : sinceMs(taint);
      return (Number.isFinite(scheduledMs) ? Math.max(startMs, scheduledMs) : startMs) + toleratedSeconds(pod, taint, podEvictionSeconds) * 1000;
    });
  return Math.min(Number.POSITIVE_INFINITY, ...due);
};

const taintId = ({ key, value, effect }: Taint): string => `${key}=${value ?? ''}:${effect}`;

export class TaintEviction implements Reconciliation {
  readonly name = name;
  readonly kinds = [nodeKind, podKind];
  readonly #parts: LoopParts;
  readonly #podEvictionSeconds: number;
  /** Node -> taint -> when this term first saw it there. */
  readonly #seenMs = new Map<string, ReadonlyMap<string, number>>();

  constructor(parts: LoopParts, podEvictionSeconds: number) {
    this.#parts = parts;
    this.#podEvictionSeconds = podEvictionSeconds;
  }

  reset(): void {
    this.#seenMs.clear();
  }

  /** Keys are pods'. A node whose taints changed concerns all of its pods, a pod that came to a node itself. */
  *keysOf({ type, stored, previous }: Change): Iterable<string> {
    if (type === 'DELETED') {
      if (stored.kind === nodeKind) this.#seenMs.delete(stored.key);
      return;
    }
    if (stored.kind === podKind) {
      const [before, after] = [previous?.object as Pod | undefined, stored.object as Pod];
      const same = before?.spec?.nodeName === after.spec?.nodeName && sameJson(before?.spec?.tolerations, after.spec?.tolerations);
      if (after.spec?.nodeName && !same) yield stored.key;
      return;
    }
    const [before, after] = [previous?.object as Node | undefined, stored.object as Node];
    if (sameJson(before?.spec?.taints, after.spec?.taints)) return;
    this.#see(stored.key, after.spec?.taints ?? []);
    for (const pod of this.#parts.reader.indexed(podKind, 'node', stored.key)) yield pod.key;
  }

  #see(node: string, taints: readonly Taint[]): void {
    const before = this.#seenMs.get(node);
    const nowMs = this.#parts.clock.nowMs();
    if (taints.length === 0) this.#seenMs.delete(node);
    else this.#seenMs.set(node, new Map(taints.map((taint) => [taintId(taint), before?.get(taintId(taint)) ?? nowMs])));
  }

  async reconcile(key: string, again: Again): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const pod = reader.get<Pod>(podKind, key)?.object;
    if (pod === undefined || isTerminal(pod) || isBeingDeleted(pod)) return;
    const nodeName = pod.spec?.nodeName ?? '';
    const taints = reader.get<Node>(nodeKind, nodeName)?.object.spec?.taints ?? [];
    const nowMs = clock.nowMs();
    const waitMs = evictionDueMs(pod, taints, this.#podEvictionSeconds, (taint) => this.#seenMs.get(nodeName)?.get(taintId(taint)) ?? nowMs) - nowMs;
    if (waitMs === Number.POSITIVE_INFINITY) return;
    if (waitMs > 0) {
      again(key, waitMs);
      return;
    }
    const { namespace = '', name: podName = '', uid } = pod.metadata;
    recorder.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${podName}`, { component: name });
    await ignoring(['NotFound', 'Conflict'], verbs.delete(podKind, namespace, podName, { ...writesAs(name), disruption, ...(uid ? { preconditions: { uid } } : {}) }));
  }
}
