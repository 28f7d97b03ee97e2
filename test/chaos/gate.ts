/** Holds up part of the load, so that what it does can be compared: nobody is inside while it is closed. */
import { once } from 'node:events';

export class Gate extends EventTarget {
  #isOpen = true;
  #inside = 0;

  /** Runs `work` once the gate is open. Rejects with the signal's reason. */
  async pass<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    while (!this.#isOpen) await once(this, 'open', { signal });
    signal.throwIfAborted();
    this.#inside += 1;
    try {
      return await work();
    } finally {
      this.#inside -= 1;
      if (this.#inside === 0) this.dispatchEvent(new Event('empty'));
    }
  }

  /** Resolves when everybody has left. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#inside > 0) await once(this, 'empty');
  }

  open(): void {
    this.#isOpen = true;
    this.dispatchEvent(new Event('open'));
  }
}
