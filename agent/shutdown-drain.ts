/** An agent that was told to end has its node emptied first: what the session asks of the controller, and how long that may take. */
import type { Clock } from '../proto/process/clock.ts';

export class ShutdownDrain {
  readonly #drained = Promise.withResolvers<void>();
  #isWanted = false;
  /** Set by the session: there is something to ask. */
  onWanted: () => void = () => undefined;

  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** The controller has said that nothing is left. */
  confirm(): void {
    this.#drained.resolve();
  }

  /** Resolves to whether the node was emptied within `timeoutMs`. */
  async run(timeoutMs: number, clock: Clock): Promise<boolean> {
    this.#isWanted = true;
    this.onWanted();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = clock.after(timeoutMs, () => resolve(false));
    void this.#drained.promise.then(() => resolve(true));
    try {
      return await promise;
    } finally {
      timer.cancel();
    }
  }
}
