/**
 * The latest status of every pod, until the controller has it.
 *
 * Per pod one slot, the latest wins; what is ready when the stream can take it goes out together. Every session begins
 * with all slots, since the controller may have lost what an earlier one acknowledged (a store brought back from a
 * backup); what changes nothing there is not stored again. A slot is freed when the pod is gone and that is acknowledged, or its
 * object is gone as well.
 *
 * Of a pod that is only being set up hardly anybody waits to hear: such a report is held for a moment, and for longer while
 * many pods are set up, so that the one that says Running mostly takes its place.
 */
import { toJsonBytes } from '../proto/node-service.ts';
import type { PodReport, ReportAck } from '../proto/node-service.ts';
import type { Clock, Timer } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import type { PodStatus } from '../proto/resources/kubernetes.ts';
import { reportedPodsMax, reportsPerFrameMax, setUpReportHeldBusyMs, setUpReportHeldMs, setUpReportsBusyMin } from './limits.ts';
import type { PodStatusReport } from './pods/pods.ts';

interface Slot {
  readonly report: PodStatusReport;
  readonly sequence: number;
}

const setUpReasons: ReadonlySet<string | undefined> = new Set(['ContainerCreating', 'PodInitializing']);

/** Nothing has run yet, and nothing is wrong. */
const isBeingSetUp = ({ phase, initContainerStatuses = [], containerStatuses = [] }: PodStatus): boolean =>
  phase === 'Pending' && [...initContainerStatuses, ...containerStatuses].every(({ state }) => setUpReasons.has(state?.waiting?.reason));

export class StatusReporter {
  readonly #slots = new Map<string, Slot>();
  /** Uids to send, in the order in which they changed. */
  readonly #unsent = new Set<string>();
  /** Uids that are held -> when they are to be sent. */
  readonly #held = new Map<string, number>();
  readonly #clock: Clock;
  readonly #log: Log;
  #timer: Timer | undefined;
  #sequence = 0;
  #onReady: () => void = () => undefined;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Called when there is something to take that was not there before. */
  set onReady(onReady: () => void) {
    this.#onReady = onReady;
  }

  report(report: PodStatusReport): void {
    this.#sequence += 1;
    // Behind all others: the oldest report is the first.
    this.#slots.delete(report.uid);
    this.#slots.set(report.uid, { report, sequence: this.#sequence });
    if (this.#slots.size > reportedPodsMax) this.#dropOldest();
    if (!report.gone && !this.#unsent.has(report.uid) && isBeingSetUp(report.status)) {
      this.#hold(report.uid);
      return;
    }
    this.#held.delete(report.uid);
    this.#unsent.add(report.uid);
    this.#onReady();
  }

  /** Nobody waits for the pod's status any more. */
  forget(uid: string): void {
    this.#slots.delete(uid);
    this.#unsent.delete(uid);
    this.#held.delete(uid);
  }

  /** A session begins: nothing counts as sent. */
  begin(): void {
    this.#held.clear();
    for (const uid of this.#slots.keys()) this.#unsent.add(uid);
  }

  /** What to send next, at most one frame; empty when there is nothing. */
  take(): PodReport[] {
    const reports: PodReport[] = [];
    for (const uid of this.#unsent) {
      if (reports.length === reportsPerFrameMax) break;
      this.#unsent.delete(uid);
      const slot = this.#slots.get(uid);
      if (slot === undefined) continue;
      const { namespace, name, status, gone } = slot.report;
      reports.push({ uid, namespace, name, sequence: slot.sequence, status: toJsonBytes(status), gone });
    }
    return reports;
  }

  acknowledged(acks: readonly ReportAck[]): void {
    for (const { uid, sequence } of acks) {
      const slot = this.#slots.get(uid);
      if (slot?.sequence === sequence && slot.report.gone) this.#slots.delete(uid);
    }
  }

  #hold(uid: string): void {
    const heldMs = this.#held.size < setUpReportsBusyMin ? setUpReportHeldMs : setUpReportHeldBusyMs;
    if (!this.#held.has(uid)) this.#held.set(uid, this.#clock.monotonicMs() + heldMs);
    this.#setTimer();
  }

  #release(): void {
    const nowMs = this.#clock.monotonicMs();
    const before = this.#unsent.size;
    for (const [uid, dueMs] of this.#held) {
      if (dueMs > nowMs) continue;
      this.#held.delete(uid);
      this.#unsent.add(uid);
    }
    this.#setTimer();
    if (this.#unsent.size > before) this.#onReady();
  }

  #setTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#held.size === 0) return;
    const delayMs = Math.min(...this.#held.values()) - this.#clock.monotonicMs();
    this.#timer = this.#clock.after(Math.max(delayMs, 1), () => this.#release());
  }

  #dropOldest(): void {
    const [oldest] = this.#slots.keys();
    if (oldest === undefined) return;
    this.forget(oldest);
    this.#log.warn('more pods reported than are kept; the oldest report is dropped', { max: reportedPodsMax, uid: oldest });
  }
}
