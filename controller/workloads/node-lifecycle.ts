/**
 * What follows from a node's lease and conditions.
 *
 *     lease gone ──► conditions Unknown ──► taint unreachable; its pods not Ready
 *     Ready=False ─────────────────────► taint not-ready
 *     either, in its turn (eviction-pace) ► the same taint with NoExecute: taint-eviction takes its pods away
 *     lease back, Ready=True reported ──► taints removed; its pods Ready as they were
 *
 * Writes: the conditions of a node that is not heard of, the taints of `node.kubernetes.io/`, and Ready=False of pods
 * on nodes that are lost. A living node writes its own conditions and its pods'.
 */
import { nodeKind, podKind } from '../../proto/kinds.ts';
import { conditionOf, setCondition } from '../../proto/resources/conditions.ts';
import type { Node, Pod, PodCondition } from '../../proto/resources/kubernetes.ts';
import { loopWritesMax, nodeReturnGraceMs } from '../limits.ts';
import type { Liveness } from '../nodes/liveness.ts';
import type { Change } from '../store/stored.ts';
import { forEachBounded } from './batches.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import { EvictionPace } from './eviction-pace.ts';
import { changedTaints, notReadyTaint, unknownConditions, unreachableTaint } from './node-conditions.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'node-lifecycle-controller';

/** Tells our Ready=False from the node's own. */
const lostReason = 'NodeNotReady';

/** The Ready condition that the pod should have instead of its present one; undefined to leave it. Pure. */
export const markedReady = (pod: Pod, alive: boolean): PodCondition | undefined => {
  const ready = conditionOf(pod.status, 'Ready');
  if (!alive) return ready?.status === 'True' ? { type: 'Ready', status: 'False', reason: lostReason } : undefined;
  return ready?.status === 'False' && ready.reason === lostReason ? { type: 'Ready', status: 'True' } : undefined;
};

const isEvicting = (node: Node): boolean =>
  (node.spec?.taints ?? []).some(({ key, effect }) => effect === 'NoExecute' && (key === notReadyTaint || key === unreachableTaint));

export class NodeLifecycle implements Reconciliation {
  readonly name = name;
  readonly kinds = [nodeKind];
  readonly #parts: LoopParts;
  readonly #liveness: Liveness;
  /** Nodes that were alive at some time of this term; the others get some time to come back from a controller that went away. */
  readonly #seenAlive = new Set<string>();
  readonly #pace: EvictionPace;
  #add: (key: string) => void = () => undefined;
  #startedMs = 0;

  constructor(parts: LoopParts, liveness: Liveness) {
    this.#parts = parts;
    this.#liveness = liveness;
    this.#pace = new EvictionPace(parts.clock, (node) => this.#add(node));
  }

  reset(): void {
    this.#seenAlive.clear();
    this.#pace.clear();
    this.#startedMs = this.#parts.clock.monotonicMs();
  }

  attach(add: (key: string) => void, lost: AbortSignal): void {
    this.#add = add;
    // Counted at once, not when their turn in the queue comes: that most nodes fail has to be known before the first loses its pods.
    const subscription = this.#liveness.subscribe((key) => {
      this.#count(key);
      add(key);
    });
    lost.addEventListener('abort', () => {
      subscription.close();
      this.#pace.clear();
    }, { once: true });
  }

  keysOf({ type, stored }: Change): string[] {
    if (type !== 'DELETED') {
      this.#count(stored.key);
      return [stored.key];
    }
    this.#seenAlive.delete(stored.key);
    this.#pace.delete(stored.key);
    return [];
  }

  #count(key: string): void {
    const node = this.#parts.reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || !this.#liveness.ready) return;
    const alive = this.#liveness.isAlive(key);
    if (alive) this.#seenAlive.add(key);
    this.#pace.set(key, !alive ? 'gone' : conditionOf(node.status, 'Ready')?.status === 'True' ? 'ready' : 'notReady', isEvicting(node));
  }

  async reconcile(key: string, again: Again, signal: AbortSignal): Promise<void> {
    const { reader } = this.#parts;
    // Before the leases are known everybody would look dead; liveness calls again for every node when they are.
    if (!this.#liveness.ready || reader.get(nodeKind, key) === undefined) return;
    const alive = this.#liveness.isAlive(key);
    const graceMs = this.#startedMs + nodeReturnGraceMs - this.#parts.clock.monotonicMs();
    if (!alive && graceMs > 0 && !this.#seenAlive.has(key)) {
      again(key, graceMs);
      return;
    }
    // Pods that nobody can reach are out of the services at once; what follows for the node takes two writes more.
    await Promise.all([this.#markPods(key, alive, signal), this.#markNode(key, alive, signal)]);
  }

  async #markNode(key: string, alive: boolean, signal: AbortSignal): Promise<void> {
    if (!alive) await this.#markUnknown(key);
    if (!signal.aborted) await this.#taint(key, alive);
  }

  async #modify(key: string, subresource: string | undefined, change: (present: Node) => Node | undefined): Promise<Node | undefined> {
    return (await ignoring(['NotFound'], this.#parts.verbs.modify<Node>(nodeKind, key, change, writesAs(name, subresource))))?.object;
  }

  async #markUnknown(key: string): Promise<void> {
    const { reader, clock, recorder } = this.#parts;
    const node = reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || unknownConditions(node, clock.nowMs()) === node.status?.conditions) return;
    await this.#modify(key, 'status', (present) => {
      // It may have come back while we were about to write.
      if (this.#liveness.isAlive(key)) return undefined;
      const conditions = unknownConditions(present, clock.nowMs());
      return conditions === present.status?.conditions ? undefined : { ...present, status: { ...present.status, conditions } };
    });
    recorder.record(node, 'Normal', 'NodeNotReady', `Node ${key} status is now: NodeNotReady`, { component: 'node-controller' });
  }

  async #taint(key: string, alive: boolean): Promise<void> {
    const { reader, clock } = this.#parts;
    const node = reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || changedTaints(node, alive, this.#pace.mayEvict(key), clock.nowMs()) === undefined) return;
    await this.#modify(key, undefined, (present) => {
      const taints = changedTaints(present, alive, this.#pace.mayEvict(key), clock.nowMs());
      if (taints === undefined) return undefined;
      const { taints: _before, ...spec } = present.spec ?? {};
      return { ...present, spec: { ...spec, ...(taints.length > 0 ? { taints } : {}) } };
    });
  }

  /**
   * So that nothing sends work to the pods of a lost node. A node that comes back within its session does not report
   * again what has not changed, so what was marked here is unmarked here; what it did report is not touched.
   */
  async #markPods(nodeName: string, alive: boolean, signal: AbortSignal): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const pods = reader.indexed<Pod>(podKind, 'node', nodeName).filter(({ object }) => markedReady(object, alive) !== undefined);
    await forEachBounded(pods, loopWritesMax, async ({ key, object }) => {
      signal.throwIfAborted();
      const written = await ignoring(['NotFound'], verbs.modify<Pod>(
        podKind,
        key,
        (present) => {
          const ready = markedReady(present, alive);
          if (present.metadata.uid !== object.metadata.uid || ready === undefined) return undefined;
          return { ...present, status: { ...present.status, conditions: setCondition(present.status?.conditions, ready, clock.nowMs()) } };
        },
        writesAs(name, 'status'),
      ));
      if (written && !alive) recorder.record(object, 'Warning', lostReason, 'Node is not ready', { component: 'node-controller' });
    });
  }
}
