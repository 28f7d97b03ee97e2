/**
 * What the runtime itself has lost: made for a sandbox that it knows nothing of, since it was killed, or the agent that had
 * asked for it.
 *
 * What is just being made looks the same for a moment. So a thing is ended only when two looks, a relist apart, found it
 * lost; and it is looked for only after an agent or containerd began anew: a few times, since a shim is lost only once the
 * process below it has been ended, and then for as long as a look finds something.
 */

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
  #looksLeft = looksAfterBreak;
  #suspects: ReadonlySet<string> = new Set();

  constructor(finders: readonly LostFinder[]) {
    this.#finders = finders;
  }

  /** The runtime began anew. */
  afterBreak(): void {
    this.#looksLeft = looksAfterBreak;
  }

  /** Resolves to the keys of what was ended. */
  async look(known: ReadonlySet<string>): Promise<readonly string[]> {
    if (this.#looksLeft === 0 && this.#suspects.size === 0) return [];
    this.#looksLeft = Math.max(this.#looksLeft - 1, 0);
    const found = (await Promise.all(this.#finders.map((find) => find(known)))).flat();
    const lost = found.filter(({ key }) => this.#suspects.has(key));
    this.#suspects = new Set(found.map(({ key }) => key));
    // What fails to end has mostly ended by itself.
    await Promise.all(lost.map((one) => one.end().catch(() => undefined)));
    return lost.map(({ key }) => key);
  }
}
