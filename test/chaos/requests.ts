/** A steady stream of requests through the load's service, by the port that every node has for it. */
import { get } from 'node:http';
import type { Clock } from '../../proto/process/clock.ts';
import { serverText } from './load-objects.ts';
import { guarantees, type Verdict } from './verdict.ts';

const paceMs = 150;
/** What is refused or lost shows long before; what is only slow on a busy machine is no failure. */
const timeoutMs = 10_000;

/** Rejects when it is not answered, or with something else. Each takes a connection of its own, as new clients do. */
const ask = (url: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', reject).on('end', () => (text === serverText ? resolve() : reject(new Error(`answered ${response.statusCode}: ${text}`))));
    });
    request.on('error', reject);
  });

export interface RequestParts {
  readonly urls: readonly string[];
  readonly verdict: Verdict;
  readonly clock: Clock;
}

export class Requests {
  readonly #parts: RequestParts;
  #made = 0;
  #failed = 0;
  /** Counts the times of calm; undefined while a fault may make a request fail. */
  #calm: number | undefined;
  #calms = 0;

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  get made(): number {
    return this.#made;
  }

  get failed(): number {
    return this.#failed;
  }

  /** From now on none may fail. */
  calm(): void {
    this.#calms += 1;
    this.#calm = this.#calms;
  }

  /** From now on they may. */
  trouble(): void {
    this.#calm = undefined;
  }

  /** Until the signal aborts; they overlap where answers are slow. */
  async run(signal: AbortSignal): Promise<void> {
    const { urls, clock } = this.#parts;
    for (let at = 0; !signal.aborted; at += 1) {
      void this.#request(urls[at % urls.length] ?? '', signal);
      await clock.sleep(paceMs, signal).catch(() => undefined);
    }
  }

  async #request(url: string, signal: AbortSignal): Promise<void> {
    const calm = this.#calm;
    this.#made += 1;
    try {
      await ask(url);
    } catch (error) {
      if (signal.aborted) return;
      this.#failed += 1;
      if (calm !== undefined && calm === this.#calm) this.#parts.verdict.judge(guarantees.requests, `${url}: ${String(error)}`);
    }
  }
}
