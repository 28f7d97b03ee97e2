/**
 * Gives pods their nodes. The only file of the scheduler that reads and writes anything.
 *
 *     pods without a node ──► SchedulingQueue ─┐
 *                                              ├─► place (pure) ──► assume ──► bind
 *     nodes, pods with one ──► Cluster ────────┘          └──► park, PodScheduled=False, FailedScheduling
 *
 * Taking pods, the snapshot, the decisions and their taking effect in Cluster and queue are one synchronous step, so
 * that nothing can happen in between; only writes are under way at the same time.
 * Writes: spec.nodeName (by binding) and the condition PodScheduled of pods.
 */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { Timer } from '../../proto/process/clock.ts';
import { conditionOf, setCondition } from '../../proto/resources/conditions.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted, objectKey } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { sameJson } from '../api/json-equality.ts';
import { schedulerBatchPods, schedulerWritesMax, schedulerFlushMs } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { type Loop, type LoopParts, writesAs } from '../workloads/loop.ts';
import { type Decision, place } from './place.ts';
import { SchedulingQueue } from './queue.ts';
import { Cluster, type PodFootprint } from './snapshot.ts';

const name = 'default-scheduler';
const gatedMessage = 'Scheduling is blocked due to non-empty scheduling gates';

const isOurs = (pod: Pod): boolean =>
  (pod.spec?.schedulerName ?? name) === name && !pod.spec?.nodeName && !isTerminal(pod) && !isBeingDeleted(pod);

const isGated = (pod: Pod): boolean => (pod.spec?.schedulingGates?.length ?? 0) > 0;

/** Whether a node changed in anything that a filter looks at. */
const differs = (before: Node | undefined, after: Node): boolean =>
  before === undefined ||
  before.spec?.unschedulable !== after.spec?.unschedulable ||
  conditionOf(before.status, 'Ready')?.status !== conditionOf(after.status, 'Ready')?.status ||
  !sameJson(before.spec?.taints, after.spec?.taints) ||
  !sameJson(before.metadata.labels, after.metadata.labels) ||
  !sameJson(before.status?.allocatable, after.status?.allocatable);

/** What holds for one term of leadership. */
class Term {
  readonly #parts: LoopParts;
  readonly #lost: AbortSignal;
  readonly #cluster = new Cluster();
  readonly #queue: SchedulingQueue;
  /** Bindings and refusals under way. */
  #writes = 0;
  #scheduled = false;

  constructor(parts: LoopParts, lost: AbortSignal) {
    this.#parts = parts;
    this.#lost = lost;
    this.#queue = new SchedulingQueue(parts.clock, () => this.#soon());
    const subscription = parts.reader.subscribe([nodeKind, podKind], (changes) => {
      for (const change of changes) {
        if (change.stored.kind === nodeKind) this.#onNode(change as Change<Node>);
        else this.#onPod(change as Change<Pod>);
      }
    });
    const flush: Timer = parts.clock.every(schedulerFlushMs, () => this.#queue.flush());
    lost.addEventListener(
      'abort',
      () => {
        subscription.close();
        flush.cancel();
        this.#queue.clear();
      },
      { once: true },
    );
  }

  #onNode({ type, stored, previous }: Change<Node>): void {
    if (type === 'DELETED') {
      this.#cluster.removeNode(stored.key);
      // Explanations count the nodes there are.
      this.#queue.help('node');
      return;
    }
    // Status reports without news to a filter keep the views that were made.
    if (!differs(previous?.object, stored.object)) return;
    this.#cluster.setNode(stored.object);
    this.#queue.help('node');
  }

  #onPod({ type, stored }: Change<Pod>): void {
    const pod = stored.object;
    const uid = pod.metadata.uid ?? '';
    if (type === 'DELETED' || isTerminal(pod)) {
      this.#cluster.forget(uid);
      this.#queue.remove(uid);
      if (pod.spec?.nodeName) this.#queue.help('pod');
    } else if (pod.spec?.nodeName) {
      this.#cluster.setPod(pod);
      this.#queue.remove(uid);
    } else if (!isOurs(pod)) {
      this.#queue.remove(uid);
    } else if (isGated(pod)) {
      if (conditionOf(pod.status, 'PodScheduled')?.reason !== 'SchedulingGated') {
        void this.#refuse(pod, 'SchedulingGated', gatedMessage);
      }
    } else {
      this.#queue.add(pod);
    }
  }

  /** Once per turn of the event loop, so that pods that come together are placed together. */
  #soon(): void {
    if (this.#scheduled || this.#lost.aborted) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#lost.aborted) return;
    const room = Math.min(schedulerBatchPods, schedulerWritesMax - this.#writes);
    // A write that ends makes room and calls again.
    if (room <= 0) return;
    for (const decision of place(this.#cluster.snapshot(), this.#queue.take(room))) this.#apply(decision);
    if (this.#queue.activePods > 0) this.#soon();
  }

  #apply(decision: Decision): void {
    const { pod, footprint } = decision;
    if (decision.nodeName === undefined) {
      this.#queue.park(footprint.uid, decision.helpedBy);
      void this.#counted(this.#refuse(pod, 'Unschedulable', decision.message));
    } else {
      this.#cluster.assume(footprint, decision.nodeName);
      void this.#counted(this.#bind(pod, footprint, decision.nodeName, decision.message));
    }
  }

  async #counted(write: Promise<void>): Promise<void> {
    this.#writes += 1;
    await write;
    this.#writes -= 1;
    if (this.#queue.activePods > 0) this.#soon();
  }

  async #bind(pod: Pod, { uid }: PodFootprint, nodeName: string, why: string): Promise<void> {
    const { verbs, recorder, log } = this.#parts;
    const { namespace = '', name: podName = '' } = pod.metadata;
    try {
      await verbs.bind(namespace, podName, uid, nodeName, writesAs(name), why);
      const message = `Successfully assigned ${namespace}/${podName} to ${nodeName}`;
      recorder.record(pod, 'Normal', 'Scheduled', message, { component: name });
    } catch (error) {
      if (this.#lost.aborted) return;
      this.#unbound(pod, uid);
      // Deleted or bound by somebody else meanwhile: nothing is wrong.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) {
        log.warn('binding failed', { pod: `${namespace}/${podName}`, node: nodeName, error });
      }
    }
  }

  /** What the cache shows decides: a binding whose answer was lost may have been made. */
  #unbound(pod: Pod, uid: string): void {
    this.#cluster.forget(uid);
    const present = this.#parts.reader.get<Pod>(podKind, objectKey(pod))?.object;
    if (present === undefined || present.metadata.uid !== uid) this.#queue.remove(uid);
    else if (present.spec?.nodeName) {
      this.#cluster.setPod(present);
      this.#queue.remove(uid);
    } else if (isOurs(present)) this.#queue.retry(uid);
    else this.#queue.remove(uid);
    this.#queue.help('pod');
  }

  /** Says in the pod's status, and in an event, why it has no node; only when that is news. */
  async #refuse(pod: Pod, reason: 'Unschedulable' | 'SchedulingGated', message: string): Promise<void> {
    const { verbs, recorder, clock, log } = this.#parts;
    const known = conditionOf(pod.status, 'PodScheduled');
    if (known?.status === 'False' && known.reason === reason && known.message === message) return;
    const verdict = { type: 'PodScheduled', status: 'False', reason, message };
    if (reason === 'Unschedulable') recorder.record(pod, 'Warning', 'FailedScheduling', message, { component: name });
    try {
      await verbs.modify<Pod>(
        podKind,
        objectKey(pod),
        (present) => {
          if (present.metadata.uid !== pod.metadata.uid || present.spec?.nodeName) return undefined;
          const conditions = setCondition(present.status?.conditions, verdict, clock.nowMs());
          return { ...present, status: { ...present.status, conditions } };
        },
        writesAs(name, 'status'),
      );
    } catch (error) {
      if (!this.#lost.aborted && !isApiError(error, 'NotFound')) log.warn('condition not written', { pod: objectKey(pod), error });
    }
  }
}

export class Scheduler implements Loop {
  readonly name = name;
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  start(lost: AbortSignal): void {
    if (!lost.aborted) new Term(this.#parts, lost);
  }
}
