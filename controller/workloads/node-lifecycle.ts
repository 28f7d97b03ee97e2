/**
 * What follows from a node's lease and conditions.
 *
 *     lease gone ──► conditions Unknown ──► taint unreachable ──► its pods not Ready
 *     Ready=False ─────────────────────► taint not-ready ────► its pods not Ready
 *     lease and Ready=True back (the node reports it) ──► taints removed; the node reports its pods again
 *
 * Writes: the conditions of a node that is not heard of, the taints of `node.kubernetes.io/`, and Ready=False of pods
 * on nodes that are not ready. A living node writes its own conditions and its pods'.
 */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import { conditionOf, setCondition } from '../../proto/resources/conditions.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import { loopWritesMax } from '../limits.ts';
import type { Liveness } from '../nodes/liveness.ts';
import type { Change } from '../store/stored.ts';
import { forEachBounded } from './batches.ts';
import { type LoopParts, writesAs } from './loop.ts';
import { changedTaints, unknownConditions } from './node-conditions.ts';
import type { Again, Reconciliation } from './reconciler.ts';

const name = 'node-lifecycle-controller';

export class NodeLifecycle implements Reconciliation {
  readonly name = name;
  readonly kinds = [nodeKind];
  readonly #parts: LoopParts;
  readonly #liveness: Liveness;

  constructor(parts: LoopParts, liveness: Liveness) {
    this.#parts = parts;
    this.#liveness = liveness;
  }

  attach(add: (key: string) => void, lost: AbortSignal): void {
    const subscription = this.#liveness.subscribe(add);
    lost.addEventListener('abort', () => subscription.close(), { once: true });
  }

  keysOf({ type, stored }: Change): string[] {
    return type === 'DELETED' ? [] : [stored.key];
  }

  async reconcile(key: string, _again: Again, signal: AbortSignal): Promise<void> {
    const { reader } = this.#parts;
    // Before the leases are known everybody would look dead; liveness calls again for every node when they are.
    if (!this.#liveness.ready || reader.get(nodeKind, key) === undefined) return;
    const alive = this.#liveness.isAlive(key);
    if (!alive) await this.#markUnknown(key);
    const node = await this.#taint(key, alive);
    if (node === undefined || signal.aborted) return;
    if (conditionOf(node.status, 'Ready')?.status !== 'True') await this.#markPodsNotReady(key, signal);
  }

  async #modify(key: string, subresource: string | undefined, change: (present: Node) => Node | undefined): Promise<Node | undefined> {
    try {
      return (await this.#parts.verbs.modify<Node>(nodeKind, key, change, writesAs(name, subresource))).object;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
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

  async #taint(key: string, alive: boolean): Promise<Node | undefined> {
    const { reader, clock } = this.#parts;
    const node = reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || changedTaints(node, alive, clock.nowMs()) === undefined) return node;
    return this.#modify(key, undefined, (present) => {
      const taints = changedTaints(present, alive, clock.nowMs());
      if (taints === undefined) return undefined;
      const { taints: _before, ...spec } = present.spec ?? {};
      return { ...present, spec: { ...spec, ...(taints.length > 0 ? { taints } : {}) } };
    });
  }

  /** So that nothing sends work to them. Their node tells otherwise when it is back. */
  async #markPodsNotReady(nodeName: string, signal: AbortSignal): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const pods = reader.indexed<Pod>(podKind, 'node', nodeName).filter(({ object }) => isPodReady(object));
    await forEachBounded(pods, loopWritesMax, async ({ key, object }) => {
      signal.throwIfAborted();
      try {
        await verbs.modify<Pod>(
          podKind,
          key,
          (present) => {
            const ready = conditionOf(present.status, 'Ready');
            if (present.metadata.uid !== object.metadata.uid || ready?.status !== 'True') return undefined;
            const { lastTransitionTime: _before, ...condition } = ready;
            const conditions = setCondition(present.status?.conditions, { ...condition, status: 'False' }, clock.nowMs());
            return { ...present, status: { ...present.status, conditions } };
          },
          writesAs(name, 'status'),
        );
        recorder.record(object, 'Warning', 'NodeNotReady', 'Node is not ready', { component: 'node-controller' });
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    });
  }
}
