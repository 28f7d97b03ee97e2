/** The first guarantee that broke: it ends the run. */

export interface Broken {
  readonly guarantee: string;
  readonly detail: string;
}

export class Verdict {
  readonly #stop = new AbortController();
  #broken: Broken | undefined;

  get broken(): Broken | undefined {
    return this.#broken;
  }

  /** Aborts when something broke. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Nothing without a detail, so that a complaint can be handed on as it is. */
  judge(guarantee: string, detail: string | undefined): void {
    if (detail === undefined || this.#broken) return;
    this.#broken = { guarantee, detail };
    this.#stop.abort(new Error(`${guarantee}: ${detail}`));
  }
}

export const guarantees = {
  writes: 'nothing acknowledged is lost',
  replicas: 'replica counts converge after the last fault',
  owners: 'a pod name and an address have one owner',
  watches: 'a watch shows every change once and in order',
  revisions: 'resource versions never go back',
  leaks: 'nothing is left of what is gone',
  requests: 'requests through a service fail only while a fault may cause it',
} as const;
