/**
 * Writes what one node reports of its pods. Per pod one write at a time and one waiting report, the latest; pods are
 * written concurrently, so that the store can put their writes into one transaction. A report is acknowledged when it
 * is stored, or when there is nothing (any more) that it could be stored in.
 *
 * The agent owns the pod's status, except for the conditions that other parts of the control plane set.
 */
import { isApiError } from '../../proto/errors.ts';
import { podKind } from '../../proto/kinds.ts';
import type { PodReport } from '../../proto/node-service.ts';
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Pod, PodStatus } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import { reportRetryMsMax, reportRetryMsMin, sessionReportsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { isPassing } from './passing-failure.ts';
import { ownedConditions } from './pod-echo.ts';

const terminalPhases = new Set(['Succeeded', 'Failed']);

/** The status to store; undefined when the report may not change it, since what has finished never runs again. */
export const mergedStatus = (present: PodStatus | undefined, reported: PodStatus): PodStatus | undefined => {
  if (terminalPhases.has(present?.phase ?? '') && !terminalPhases.has(reported.phase ?? '')) return undefined;
  return {
    ...reported,
    ...(present?.nominatedNodeName ? { nominatedNodeName: present.nominatedNodeName } : {}),
    ...(reported.qosClass ?? present?.qosClass ? { qosClass: reported.qosClass ?? present?.qosClass } : {}),
    conditions: [...ownedConditions(present, false), ...ownedConditions(reported, true)],
  };
};

export class TooManyReports extends Error {
  override readonly name = 'TooManyReports';
}

interface ReportParts {
  readonly nodeName: string;
  readonly verbs: Verbs;
  readonly options: WriteOptions;
  readonly clock: Clock;
  readonly log: Log;
  readonly ack: (uid: string, sequence: number) => void;
  readonly signal: AbortSignal;
}

export class ReportWriter {
  readonly #parts: ReportParts;
  /** Per pod uid that is being written: the report to write next. */
  readonly #waiting = new Map<string, PodReport | undefined>();

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  /** Throws TooManyReports when more pods wait than a node can have. */
  take(report: PodReport): void {
    if (this.#waiting.has(report.uid)) {
      this.#waiting.set(report.uid, report);
      return;
    }
    if (this.#waiting.size >= sessionReportsMax) throw new TooManyReports(`more than ${sessionReportsMax} pods reported at once`);
    this.#waiting.set(report.uid, undefined);
    void this.#run(report);
  }

  async #run(first: PodReport): Promise<void> {
    for (let report: PodReport | undefined = first; report !== undefined; report = this.#waiting.get(first.uid)) {
      this.#waiting.set(first.uid, undefined);
      await this.#writeUntilDone(report);
    }
    this.#waiting.delete(first.uid);
  }

  /** Tries until the report is stored or refused, superseded, or the session is over. */
  async #writeUntilDone(report: PodReport): Promise<void> {
    const { clock, log, signal, nodeName, ack } = this.#parts;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await this.#write(report);
        ack(report.uid, report.sequence);
        return;
      } catch (error) {
        if (!isPassing(error)) {
          if (!isApiError(error, 'NotFound')) log.warn('pod report refused', { node: nodeName, pod: `${report.namespace}/${report.name}`, error });
          ack(report.uid, report.sequence);
          return;
        }
        await clock.sleep(backoffMs(failures, { initialMs: reportRetryMsMin, maxMs: reportRetryMsMax }), signal).catch(() => undefined);
        if (this.#waiting.get(report.uid) !== undefined) return;
      }
    }
  }

  async #write(report: PodReport): Promise<void> {
    const { verbs, options, nodeName } = this.#parts;
    const reported = JSON.parse(String(report.status)) as PodStatus;
    const stored: Stored<Pod> = await verbs.modify<Pod>(
      podKind,
      `${report.namespace}/${report.name}`,
      (present) => {
        // Where the node has moved to another controller, that one has later news.
        if (this.#parts.signal.aborted) return undefined;
        // A node speaks of its own pods alone, and of a pod's successor never.
        if (present.metadata.uid !== report.uid || present.spec?.nodeName !== nodeName) return undefined;
        const status = mergedStatus(present.status, reported);
        return status && { ...present, status };
      },
      { ...options, subresource: 'status' },
    );
    const own = stored.object.metadata.uid === report.uid && stored.object.spec?.nodeName === nodeName;
    if (report.gone && own && isBeingDeleted(stored.object)) {
      await verbs.finishPodDeletion(report.namespace, report.name, report.uid);
    }
  }
}
