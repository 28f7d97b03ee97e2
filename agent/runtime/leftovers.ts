/**
 * What the runtime itself has lost: made for a sandbox that it knows nothing of, since it was killed, or the agent that had
 * asked for it.
 *
 * What is just being made looks the same for a moment. So a thing is ended only when two looks, some time apart, found it
 * lost; while this agent has a sandbox made nothing is looked for; and only after an agent or containerd began anew: a few
 * times, since a shim is lost only once the process below it has been ended, and then for as long as a look finds something.
 */
import type { Clock } from '../../proto/process/clock.ts';
import { leftoverLooksApartMsMin } from '../limits.ts';

export interface Lost {
  /** The same in every look, and never given to another thing. */
  readonly key: string;
  end(): Promise<void>;
}

/** @param known ids of the sandboxes and containers that the runtime knows */
export type LostFinder = (known: ReadonlySet<string>) => Promise<readonly Lost[]>;

const looksAfterBreak = 4;

export class Leftovers {
  readonly #finders: readonly LostFinder[];
  readonly #clock: Clock;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #making = 0;
  #looksLeft = looksAfterBreak;
  #suspects: ReadonlySet<string> = new Set();

  constructor(finders: readonly LostFinder[], clock: Clock) {
    this.#finders = finders;
    this.#clock = clock;
  }

  /** Runs what makes something that the runtime shows only when it is done; it may take longer than two looks are apart. */
  async during<T>(making: () => Promise<T>): Promise<T> {
    this.#making += 1;
    try {
      return await making();
    } finally {
      this.#making -= 1;
    }
  }

  /** The runtime began anew. */
  afterBreak(): void {
    this.#looksLeft = looksAfterBreak;
  }

  /** Resolves to the keys of what was ended. May be called at any time: who asks too soon after the last look gets none. */
  async look(known: ReadonlySet<string>): Promise<readonly string[]> {
    if (this.#looksLeft === 0 && this.#suspects.size === 0) return [];
    const nowMs = this.#clock.monotonicMs();
    if (this.#making > 0 || nowMs - this.#lookedMs < leftoverLooksApartMsMin) return [];
    this.#lookedMs = nowMs;
    this.#looksLeft = Math.max(this.#looksLeft - 1, 0);
    const found = (await Promise.all(this.#finders.map((find) => find(known)))).flat();
    const lost = found.filter(({ key }) => this.#suspects.has(key));
    this.#suspects = new Set(found.map(({ key }) => key));
    // What fails to end has mostly ended by itself.
    await Promise.all(lost.map((one) => one.end().catch(() => undefined)));
    return lost.map(({ key }) => key);
  }
}
