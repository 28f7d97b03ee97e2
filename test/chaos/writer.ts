/** Writes one object again and again, and holds the API to what it acknowledged. */
import type { Clock } from '../../proto/process/clock.ts';
import type { Gate } from './gate.ts';
import type { Ledger } from './ledger.ts';
import type { Revisions } from './revisions.ts';
import type { Present, Subject } from './subjects.ts';
import { guarantees, type Verdict } from './verdict.ts';

export interface WriterParts {
  readonly ledger: Ledger;
  readonly revisions: Revisions;
  readonly verdict: Verdict;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly outages: Outages;
}

/** How long a client waits for one answer: one that asked somebody who stands still asks somebody else. */
export const callTimeoutMs = 5_000;

/** For how long nothing was acknowledged to a writer that kept trying. */
export class Outages {
  #longestMs = 0;
  #failed = 0;

  get longestMs(): number {
    return this.#longestMs;
  }

  get failed(): number {
    return this.#failed;
  }

  fail(): void {
    this.#failed += 1;
  }

  over(tookMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, tookMs);
  }
}

export class Writer {
  readonly #subject: Subject;
  readonly #parts: WriterParts;
  #serial: number;
  /** What the object is, where the last call had an answer. */
  #known: { readonly present: Present | undefined } | undefined;
  #failingSinceMs: number | undefined;

  /** @param serial of the object as it was made */
  constructor(subject: Subject, serial: number, parts: WriterParts) {
    this.#subject = subject;
    this.#serial = serial;
    this.#parts = parts;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { gate, clock } = this.#parts;
    try {
      while (!signal.aborted) {
        await gate.pass(() => this.#turn(), signal);
        await clock.sleep(this.#subject.paceMs, signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** Finds out what is there, where that is not known, and writes. What fails is without an answer: the next turn looks. */
  async #turn(): Promise<void> {
    const { outages, clock } = this.#parts;
    const startedMs = clock.monotonicMs();
    try {
      this.#known ??= { present: await this.#read() };
      this.#known = { present: await this.#write(this.#known.present) };
      if (this.#failingSinceMs !== undefined) outages.over(clock.monotonicMs() - this.#failingSinceMs);
      this.#failingSinceMs = undefined;
    } catch {
      this.#known = undefined;
      this.#failingSinceMs ??= startedMs;
      outages.fail();
    }
  }

  async #read(): Promise<Present | undefined> {
    const { ledger, verdict } = this.#parts;
    const present = await this.#subject.read(AbortSignal.timeout(callTimeoutMs));
    verdict.judge(guarantees.writes, ledger.complaint(this.#subject.key, present) ?? present?.flaw);
    return present;
  }

  async #write(before: Present | undefined): Promise<Present | undefined> {
    const { ledger, revisions, verdict } = this.#parts;
    const { key, isAlone } = this.#subject;
    this.#serial += 1;
    ledger.attempt(key, { serial: this.#serial, verb: this.#subject.verb(before, this.#serial) });
    const from = revisions.begin();
    const present = await this.#subject.send(before, this.#serial, AbortSignal.timeout(callTimeoutMs));
    ledger.acknowledge(key, this.#serial, isAlone ? present?.revision : undefined);
    if (present) {
      verdict.judge(guarantees.revisions, revisions.complaint(`${key} ${this.#serial}`, from, present.revision, true));
      verdict.judge(guarantees.writes, present.serial === this.#serial ? present.flaw : `${key}: ${this.#serial} was acknowledged with ${present.serial} in it`);
    }
    return present;
  }
}
