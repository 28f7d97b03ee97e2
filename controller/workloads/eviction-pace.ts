/**
 * From which nodes that fail their pods are taken away, and when.
 *
 *     ready ──fails──► waiting ──settled, its turn──► evicting
 *       ▲                 │  ▲                            │
 *       └────is back──────┘  └──most nodes fail at once───┘
 *
 * A node has settled when neither it nor another has begun to fail for a moment: those that fail together are not seen at the same time.
 * A few nodes lose their pods at once, the others one after the other, so that the scheduler and the nodes that are left can follow.
 * When most nodes fail together the fault is more likely to be here or in the network between: then nobody loses pods until that has passed.
 */
import type { Clock, Timer } from '../../proto/process/clock.ts';
import { evictionBurstNodes, evictionNodeIntervalMs, evictionNotReadySettleMs, evictionSettleMs, evictionSettleMsMax, nodeReturnGraceMs, outageNodesMin, outageShare } from '../limits.ts';

/** `notReady`: its agent is heard, and says so. */
export type NodeState = 'ready' | 'notReady' | 'gone';

export class EvictionPace {
  readonly #clock: Clock;
  readonly #onChange: (node: string) => void;
  readonly #nodes = new Set<string>();
  /** Nodes that fail, in the order of their turns: when each has settled, if no other begins to fail. */
  readonly #waiting = new Map<string, number>();
  /** When a node last began to fail. */
  #failedMs = Number.NEGATIVE_INFINITY;
  readonly #evicting = new Set<string>();
  /** Turns left, as of `#countedMs`. */
  #turns = evictionBurstNodes;
  #countedMs: number;
  #timer: Timer | undefined;
  #isOutage = false;
  #isToJudge = false;

  /** `onChange` is told of nodes for which `mayEvict` has changed. */
  constructor(clock: Clock, onChange: (node: string) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#countedMs = clock.monotonicMs();
  }

  get isOutage(): boolean {
    return this.#isOutage;
  }

  mayEvict(node: string): boolean {
    return this.#evicting.has(node);
  }

  /** `isEvicting`: an earlier leader has let its pods be taken away already. */
  set(node: string, state: NodeState, isEvicting = false): void {
    const isNew = !this.#nodes.has(node);
    this.#nodes.add(node);
    if (state === 'ready') {
      this.#waiting.delete(node);
      this.#evicting.delete(node);
    } else if (isNew && isEvicting && !this.#isOutage) this.#evicting.add(node);
    else if (!this.#evicting.has(node)) this.#wait(node, state);
    this.#judgeSoon();
  }

  #wait(node: string, state: NodeState): void {
    const present = this.#waiting.get(node);
    const nowMs = this.#clock.monotonicMs();
    const settledMs = nowMs + (state === 'gone' ? evictionSettleMs : evictionNotReadySettleMs);
    if (this.#isOutage && present !== undefined) return;
    if (present === undefined) this.#failedMs = nowMs;
    this.#waiting.set(node, Math.min(present ?? Number.POSITIVE_INFINITY, settledMs));
  }

  delete(node: string): void {
    this.#nodes.delete(node);
    this.#waiting.delete(node);
    this.#evicting.delete(node);
    this.#judgeSoon();
  }

  clear(): void {
    this.#nodes.clear();
    this.#waiting.clear();
    this.#evicting.clear();
    this.#isOutage = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Once for all that changed together: the first of many nodes to be known is not all of them. */
  #judgeSoon(): void {
    if (this.#isToJudge) return;
    this.#isToJudge = true;
    queueMicrotask(() => {
      this.#isToJudge = false;
      this.#judge();
    });
  }

  #judge(): void {
    const failing = this.#waiting.size + this.#evicting.size;
    const isMost = failing >= outageNodesMin && failing >= outageShare * this.#nodes.size;
    const isOutage = failing > 0 && (isMost || failing === this.#nodes.size);
    if (isOutage !== this.#isOutage) {
      this.#isOutage = isOutage;
      this.#turn(isOutage);
    }
    this.#pump();
  }

  /** What fails has to settle anew when an outage is over: the rest of the nodes may be about to come back, too. */
  #turn(isOutage: boolean): void {
    const settledMs = this.#clock.monotonicMs() + nodeReturnGraceMs;
    const stopped = [...this.#evicting];
    this.#evicting.clear();
    for (const node of [...this.#waiting.keys(), ...stopped]) this.#waiting.set(node, settledMs);
    if (isOutage) for (const node of stopped) this.#onChange(node);
  }

  #refill(nowMs: number): void {
    this.#turns = Math.min(evictionBurstNodes, this.#turns + (nowMs - this.#countedMs) / evictionNodeIntervalMs);
    this.#countedMs = nowMs;
  }

  /** The latest to fail holds up those before it, within bounds: a node that comes and goes must not hold up the rest for ever. */
  #settledMs(ownMs: number): number {
    return Math.max(ownMs, Math.min(this.#failedMs + evictionSettleMs, ownMs - evictionSettleMs + evictionSettleMsMax));
  }

  #pump(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#isOutage) return;
    const nowMs = this.#clock.monotonicMs();
    this.#refill(nowMs);
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [node, ownMs] of this.#waiting) {
      const waitMs = this.#settledMs(ownMs) - nowMs;
      const turnMs = (1 - this.#turns) * evictionNodeIntervalMs;
      // Half a millisecond of rounding must not cost another round.
      if (Math.max(waitMs, turnMs) > 0.5) {
        nextMs = Math.min(nextMs, Math.max(waitMs, turnMs));
        continue;
      }
      this.#turns -= 1;
      this.#waiting.delete(node);
      this.#evicting.add(node);
      this.#onChange(node);
    }
    if (Number.isFinite(nextMs)) this.#timer = this.#clock.after(nextMs, () => this.#pump());
  }
}
