/**
 * Pods that have no node yet.
 *
 *     add ──► active ── take ──► (placed: forgotten)
 *               ▲  ▲                │ refused
 *               │  └─ backoff ◄─ help, when it comes too soon after the attempt
 *               └──── help ◄──── parked, until something happens that may help
 *
 * Invariants
 * - A pod is in one of active, backoff, parked, or taken.
 * - A parked pod is tried again when one of its `helpedBy` happens, not by the clock (`flush` is the safety net).
 */
import { KeyedBackoff } from '../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { sameJson } from '../api/json-equality.ts';
import { schedulerBackoffInitialMs, schedulerBackoffMaxMs } from '../limits.ts';
import type { Help } from './filters.ts';

interface Parked {
  pod: Pod;
  readonly helpedBy: ReadonlySet<Help>;
  /** Not before this; monotonic. */
  readonly dueMs: number;
}

const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';

const looksTheSame = (a: Pod, b: Pod): boolean => sameJson(a.spec, b.spec) && sameJson(a.metadata.labels, b.metadata.labels);

export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #onReady: () => void;
  readonly #active = new Map<string, Pod>();
  readonly #backingOff = new Map<string, { pod: Pod; timer: Timer }>();
  readonly #parked = new Map<string, Parked>();
  readonly #taken = new Map<string, Pod>();
  readonly #attempts = new KeyedBackoff<string>({ initialMs: schedulerBackoffInitialMs, maxMs: schedulerBackoffMaxMs });

  /** `onReady` is called when a pod has become active. */
  constructor(clock: Clock, onReady: () => void) {
    this.#clock = clock;
    this.#onReady = onReady;
  }

  get activePods(): number {
    return this.#active.size;
  }

  get parkedPods(): number {
    return this.#parked.size + this.#backingOff.size;
  }

  /** A pod as it is now. One that is known keeps its place, unless it changed in what matters to its placement. */
  add(pod: Pod): void {
    const uid = uidOf(pod);
    const parked = this.#parked.get(uid);
    const backingOff = this.#backingOff.get(uid);
    if (this.#taken.has(uid)) this.#taken.set(uid, pod);
    else if (backingOff !== undefined) backingOff.pod = pod;
    else if (parked !== undefined && looksTheSame(parked.pod, pod)) parked.pod = pod;
    else {
      this.#parked.delete(uid);
      this.#activate(pod);
    }
  }

  /** The pod is gone or has a node. */
  remove(uid: string): void {
    this.#backingOff.get(uid)?.timer.cancel();
    this.#backingOff.delete(uid);
    this.#active.delete(uid);
    this.#parked.delete(uid);
    this.#taken.delete(uid);
    this.#attempts.forget(uid);
  }

  /** At most `podsMax` pods, those of higher priority first, else in the order of their arrival. */
  take(podsMax: number): Pod[] {
    const pods = [...this.#active.values()]
      .toSorted((a, b) => (b.spec?.priority ?? 0) - (a.spec?.priority ?? 0))
      .slice(0, podsMax);
    for (const pod of pods) {
      this.#active.delete(uidOf(pod));
      this.#taken.set(uidOf(pod), pod);
    }
    return pods;
  }

  /** Nothing fits a taken pod at present; one of `helpedBy` may change that. */
  park(uid: string, helpedBy: ReadonlySet<Help>): void {
    const pod = this.#taken.get(uid);
    if (pod === undefined) return;
    this.#taken.delete(uid);
    this.#parked.set(uid, { pod, helpedBy, dueMs: this.#clock.monotonicMs() + this.#attempts.fail(uid) });
  }

  /** A taken pod could not be bound for a reason that passes: once more after its backoff. */
  retry(uid: string): void {
    this.park(uid, new Set());
    const parked = this.#parked.get(uid);
    if (parked !== undefined) this.#wake(uid, parked);
  }

  /** Something happened that may help: whoever waits for it is tried again. */
  help(help: Help): void {
    for (const [uid, parked] of this.#parked) if (parked.helpedBy.has(help)) this.#wake(uid, parked);
  }

  /** Tries everything again. */
  flush(): void {
    for (const [uid, parked] of this.#parked) this.#wake(uid, parked);
  }

  clear(): void {
    for (const { timer } of this.#backingOff.values()) timer.cancel();
    for (const pods of [this.#active, this.#backingOff, this.#parked, this.#taken]) pods.clear();
  }

  #wake(uid: string, { pod, dueMs }: Parked): void {
    this.#parked.delete(uid);
    const waitMs = dueMs - this.#clock.monotonicMs();
    if (waitMs <= 0) {
      this.#activate(pod);
      return;
    }
    const timer = this.#clock.after(waitMs, () => {
      const waiting = this.#backingOff.get(uid);
      this.#backingOff.delete(uid);
      if (waiting !== undefined) this.#activate(waiting.pod);
    });
    this.#backingOff.set(uid, { pod, timer });
  }

  #activate(pod: Pod): void {
    this.#active.set(uidOf(pod), pod);
    this.#onReady();
  }
}
