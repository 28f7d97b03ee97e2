/** Resource versions as clients see them come: what begins after an answer has a higher one. */

export class Revisions {
  #highest = 0;

  /** To be asked before a request is sent: what its answer must not lie below. */
  begin(): number {
    return this.#highest;
  }

  /** What is wrong with an answer at this revision; a write must be above `before`, a read may be at it. */
  complaint(what: string, before: number, revision: number, isWrite: boolean): string | undefined {
    this.#highest = Math.max(this.#highest, revision);
    return revision < before || (isWrite && revision === before) ? `${what} is at ${revision}, and ${before} had been seen before it was asked for` : undefined;
  }
}
