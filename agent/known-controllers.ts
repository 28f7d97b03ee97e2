/**
 * Where this node looks for a controller: where those are that serve, as they themselves have told last, else where its settings say.
 * So a node that joined by one server outlives it, and dials none that was taken away. What was told is kept in a file.
 */
import { readFileSync } from 'node:fs';
import { writeDurably } from '../proto/process/durable-file.ts';
import type { Log } from '../proto/process/log.ts';
import { isRecord } from '../proto/schema/records.ts';
import type { Controllers } from './connection.ts';
import { formerControllersMax } from './limits.ts';

/** Each `host:port`. */
interface Told {
  readonly present: readonly string[];
  /** Those that were there before: perhaps only away then. The latest last. */
  readonly former: readonly string[];
}

const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

const stored = (file: string): Told => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(value) ? { present: texts(value['present']), former: texts(value['former']) } : { present: [], former: [] };
  } catch {
    // Not there, or damaged: the next session tells it again.
    return { present: [], former: [] };
  }
};

export class KnownControllers implements Controllers {
  readonly #configured: readonly string[];
  readonly #file: string;
  readonly #log: Log;
  #told: Told;

  constructor(configured: readonly string[], file: string, log: Log) {
    this.#configured = configured;
    this.#file = file;
    this.#log = log;
    this.#told = stored(file);
  }

  /** `host:port`, at least one. */
  get endpoints(): readonly string[] {
    return this.#told.present.length > 0 ? this.#told.present : this.#configured;
  }

  /** Where else one may be, when none of those is there. */
  get spareEndpoints(): readonly string[] {
    const { endpoints } = this;
    return [...new Set([...this.#configured, ...this.#told.former])].filter((address) => !endpoints.includes(address));
  }

  /** A controller says which serve, itself among them. */
  told(addresses: readonly string[]): void {
    const present = [...new Set(addresses)].toSorted();
    const before = this.#told;
    if (present.length === 0 || present.join() === before.present.join()) return;
    const former = [...before.former, ...before.present].filter((address) => !present.includes(address));
    this.#told = { present, former: [...new Set(former)].slice(-formerControllersMax) };
    try {
      writeDurably(this.#file, `${JSON.stringify(this.#told)}\n`);
    } catch (error) {
      this.#log.warn('where the controllers are cannot be kept', { file: this.#file, error });
    }
  }
}
