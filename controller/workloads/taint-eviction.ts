/**
 * NoExecute taints send pods away: at once those that do not tolerate them, after tolerationSeconds those that do for
 * a time. Deleting the pod is all; its owner makes another one.
 *
 * A pod that says nothing about a node's failure stays `defaultTolerationSeconds`, as if it had the tolerations that
 * Kubernetes adds on admission: a node that is away for a minute should not lose its work.
 */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { Node, Pod, Taint } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { sameJson } from '../api/json-equality.ts';
import { defaultTolerationSeconds } from '../limits.ts';
import { tolerates } from '../scheduler/tolerations.ts';
import type { Change } from '../store/stored.ts';
import { type LoopParts, writesAs } from './loop.ts';
import { notReadyTaint, unreachableTaint } from './node-conditions.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'taint-eviction-controller';

/** How long the pod may stay with the taint, in seconds; Infinity for ever. */
const toleratedSeconds = (pod: Pod, taint: Taint): number => {
  const fitting = (pod.spec?.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  if (fitting.length === 0) {
    return taint.key === notReadyTaint || taint.key === unreachableTaint ? defaultTolerationSeconds : 0;
  }
  return Math.min(...fitting.map(({ tolerationSeconds }) => Math.max(0, tolerationSeconds ?? Number.POSITIVE_INFINITY)));
};

/** When the pod has to leave, in milliseconds since the epoch: Infinity for never, in the past for at once. Pure. */
export const evictionDueMs = (pod: Pod, taints: readonly Taint[], nowMs: number): number => {
  const due = taints
    .filter(({ effect }) => effect === 'NoExecute')
    .map((taint) => {
      const sinceMs = parseTimestamp(taint.timeAdded);
      return (Number.isFinite(sinceMs) ? sinceMs : nowMs) + toleratedSeconds(pod, taint) * 1000;
    });
  return Math.min(Number.POSITIVE_INFINITY, ...due);
};

export class TaintEviction implements Reconciliation {
  readonly name = name;
  readonly kinds = [nodeKind, podKind];
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  /** Keys are pods'. A node whose taints changed concerns all of its pods, a pod that came to a node itself. */
  *keysOf({ type, stored, previous }: Change): Iterable<string> {
    if (type === 'DELETED') return;
    if (stored.kind === podKind) {
      const [before, after] = [previous?.object as Pod | undefined, stored.object as Pod];
      if (after.spec?.nodeName && (before?.spec?.nodeName !== after.spec.nodeName || before.spec.tolerations !== after.spec.tolerations)) {
        yield stored.key;
      }
      return;
    }
    const [before, after] = [previous?.object as Node | undefined, stored.object as Node];
    if (sameJson(before?.spec?.taints, after.spec?.taints)) return;
    for (const pod of this.#parts.reader.indexed(podKind, 'node', stored.key)) yield pod.key;
  }

  async reconcile(key: string, again: Again): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const pod = reader.get<Pod>(podKind, key)?.object;
    if (pod === undefined || isTerminal(pod) || isBeingDeleted(pod)) return;
    const taints = reader.get<Node>(nodeKind, pod.spec?.nodeName ?? '')?.object.spec?.taints ?? [];
    const nowMs = clock.nowMs();
    const waitMs = evictionDueMs(pod, taints, nowMs) - nowMs;
    if (waitMs === Number.POSITIVE_INFINITY) return;
    if (waitMs > 0) {
      again(key, waitMs);
      return;
    }
    const { namespace = '', name: podName = '', uid } = pod.metadata;
    recorder.record(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${podName}`, { component: name });
    try {
      await verbs.delete(podKind, namespace, podName, { ...writesAs(name), ...(uid ? { preconditions: { uid } } : {}) });
    } catch (error) {
      if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
    }
  }
}
