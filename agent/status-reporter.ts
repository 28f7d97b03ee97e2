/**
 * The latest status of every pod, until the controller has it.
 *
 * Per pod one slot, the latest wins; what is ready when the stream can take it goes out together. Every session begins
 * with all slots, since the controller may have lost what an earlier one acknowledged (a store brought back from a
 * backup); what changes nothing there is not stored again. A slot is freed when the pod is gone and that is acknowledged.
 */
import { toJsonBytes } from '../proto/node-service.ts';
import type { PodReport, ReportAck } from '../proto/node-service.ts';
import type { Log } from '../proto/process/log.ts';
import { reportedPodsMax, reportsPerFrameMax } from './limits.ts';
import type { PodStatusReport } from './pods/pods.ts';

interface Slot {
  readonly report: PodStatusReport;
  readonly sequence: number;
}

export class StatusReporter {
  readonly #slots = new Map<string, Slot>();
  /** Uids to send, in the order in which they changed. */
  readonly #unsent = new Set<string>();
  readonly #log: Log;
  #sequence = 0;
  #onReady: () => void = () => undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Called when there is something to take that was not there before. */
  set onReady(onReady: () => void) {
    this.#onReady = onReady;
  }

  report(report: PodStatusReport): void {
    this.#sequence += 1;
    this.#slots.set(report.uid, { report, sequence: this.#sequence });
    this.#unsent.add(report.uid);
    if (this.#slots.size > reportedPodsMax) this.#dropOldest();
    this.#onReady();
  }

  /** A session begins: nothing counts as sent. */
  begin(): void {
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

  #dropOldest(): void {
    const [oldest] = this.#slots.keys();
    if (oldest === undefined) return;
    this.#slots.delete(oldest);
    this.#unsent.delete(oldest);
    this.#log.warn('more pods reported than are kept; the oldest report is dropped', { max: reportedPodsMax, uid: oldest });
  }
}
