/**
 * Where this node looks for a controller: those of its settings, and those that it was told of since, which are kept in a file.
 * So a node that joined by one server outlives it.
 */
import { readFileSync } from 'node:fs';
import { writeDurably } from '../proto/process/durable-file.ts';
import type { Log } from '../proto/process/log.ts';
import { knownControllersMax } from './limits.ts';

const stored = (file: string): readonly string[] => {
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return Array.isArray(value) ? value.filter((address) => typeof address === 'string') : [];
  } catch {
    // Not there, or damaged: the next session tells it again.
    return [];
  }
};

export class KnownControllers {
  readonly #configured: readonly string[];
  readonly #file: string;
  readonly #log: Log;
  #told: readonly string[];

  constructor(configured: readonly string[], file: string, log: Log) {
    this.#configured = configured;
    this.#file = file;
    this.#log = log;
    this.#told = stored(file);
  }

  /** `host:port`, at least one, each once. */
  get endpoints(): readonly string[] {
    return [...new Set([...this.#configured, ...this.#told])];
  }

  /** A controller says which it knows. One that it does not name may only be away, so what was told before stays, up to a bound. */
  told(addresses: readonly string[]): void {
    const before = new Set(this.#told);
    this.#told = [...this.#told.filter((address) => !addresses.includes(address)), ...new Set(addresses)].slice(-knownControllersMax);
    if (this.#told.length === before.size && this.#told.every((address) => before.has(address))) return;
    try {
      writeDurably(this.#file, `${JSON.stringify(this.#told)}\n`);
    } catch (error) {
      this.#log.warn('the controllers cannot be kept', { file: this.#file, error });
    }
  }
}
