/**
 * Removes pods that nobody else will: finished ones beyond a number, those bound to nodes that do not exist, and
 * those that were deleted before they had a node.
 *
 * Writes: deletions of pods, and phase Failed of those whose node is gone.
 */
import { nodeKind, podKind } from '../../proto/kinds.ts';
import { setCondition } from '../../proto/resources/conditions.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { finishedPodsMax, missingNodeQuarantineMs } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'pod-garbage-collector';

export class PodGarbageCollector implements Reconciliation {
  readonly name = name;
  readonly kinds = [podKind, nodeKind];
  readonly #parts: LoopParts;
  readonly #finishedMax: number;
  /** Keys of finished pods in the order in which they were seen to finish. */
  readonly #finished = new Set<string>();
  /** Node -> since when it is missing; monotonic. */
  readonly #missingSinceMs = new Map<string, number>();

  constructor(parts: LoopParts, finishedMax = finishedPodsMax) {
    this.#parts = parts;
    this.#finishedMax = finishedMax;
  }

  reset(): void {
    this.#finished.clear();
    this.#missingSinceMs.clear();
  }

  *keysOf({ type, stored }: Change): Iterable<string> {
    if (stored.kind === nodeKind) {
      if (type === 'DELETED') for (const pod of this.#parts.reader.indexed(podKind, 'node', stored.key)) yield pod.key;
      else this.#missingSinceMs.delete(stored.key);
      return;
    }
    const pod = stored.object as Pod;
    if (type === 'DELETED') {
      this.#finished.delete(stored.key);
      return;
    }
    if (isTerminal(pod)) this.#finished.add(stored.key);
    if (this.#finished.size > this.#finishedMax) {
      const [oldest] = this.#finished;
      if (oldest !== undefined) {
        // Out of the set at once, so that the next change finds the next one.
        this.#finished.delete(oldest);
        yield oldest;
      }
    }
    if (this.#nodeIsMissing(pod) || (isBeingDeleted(pod) && !pod.spec?.nodeName)) yield stored.key;
  }

  #nodeIsMissing(pod: Pod): boolean {
    const nodeName = pod.spec?.nodeName;
    return Boolean(nodeName) && this.#parts.reader.get(nodeKind, nodeName ?? '') === undefined;
  }

  async reconcile(key: string, again: Again): Promise<void> {
    const pod = this.#parts.reader.get<Pod>(podKind, key)?.object;
    if (pod === undefined) return;
    if (this.#nodeIsMissing(pod)) {
      const waitMs = this.#quarantineMs(pod.spec?.nodeName ?? '');
      if (waitMs > 0) again(key, waitMs);
      else {
        await this.#fail(key, pod);
        await this.#delete(pod);
      }
    } else if (isBeingDeleted(pod) && !pod.spec?.nodeName) {
      await this.#delete(pod);
    } else if (isTerminal(pod) && !this.#finished.has(key)) {
      await this.#delete(pod);
    }
  }

  /** A node may be deleted and join again, or the pod may have been seen before its node; milliseconds left to wait. */
  #quarantineMs(nodeName: string): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const sinceMs = this.#missingSinceMs.get(nodeName) ?? nowMs;
    this.#missingSinceMs.set(nodeName, sinceMs);
    return sinceMs + missingNodeQuarantineMs - nowMs;
  }

  async #fail(key: string, pod: Pod): Promise<void> {
    if (isTerminal(pod)) return;
    const { verbs, clock } = this.#parts;
    const verdict = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists' };
    await ignoring(['NotFound'], verbs.modify<Pod>(
      podKind,
      key,
      (present) =>
        present.metadata.uid === pod.metadata.uid
          ? {
              ...present,
              status: {
                ...present.status,
                phase: 'Failed',
                conditions: setCondition(present.status?.conditions, verdict, clock.nowMs()),
              },
            }
          : undefined,
      writesAs(name, 'status'),
    ));
  }

  /** At once: no node is left that could stop it gracefully. */
  async #delete(pod: Pod): Promise<void> {
    const { namespace = '', name: podName = '', uid } = pod.metadata;
    const how = { ...writesAs(name), gracePeriodSeconds: 0, ...(uid ? { preconditions: { uid } } : {}) };
    await ignoring(['NotFound', 'Conflict'], this.#parts.verbs.delete(podKind, namespace, podName, how));
  }
}
