/**
 * The agent's session with whichever controller it reaches:
 *
 *   dial ──► Hello ──► Welcome ──► complete objects, complete pods ──► changes, acknowledgements, tunnels …
 *    ▲                                heartbeats, pod reports, node status, events ──►
 *    └── the next endpoint, after a jittered wait ◄── the session breaks
 *
 * A session that breaks stops nothing: pods run on, reports wait in their slots, and the next session begins with the
 * complete state in both directions.
 */
import { backoffMs } from '../proto/process/backoff.ts';
import type { Random } from '../proto/process/random.ts';
import { Connection } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { reconnectMsMax, reconnectMsMin } from './limits.ts';

export interface SessionOptions extends ConnectionOptions {
  /** `host:port` of the controllers' node ports; tried in turn. */
  readonly endpoints: readonly string[];
  readonly random: Random;
}

export class Session {
  readonly #options: SessionOptions;
  #connection: Connection | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    options.reporter.onReady = () => this.#connection?.ready();
    options.events.onReady = () => this.#connection?.ready();
    options.node.onChange = () => this.#connection?.nodeChanged();
  }

  /** Whether a controller has welcomed this node and not gone since. */
  get connected(): boolean {
    return this.#connection?.welcomed ?? false;
  }

  /** Asks the controller of the present session; without one nobody is asked. */
  requestCertificate(csrPem: string): void {
    this.#connection?.requestCertificate(csrPem);
  }

  /** Keeps a session until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { endpoints, clock, random, log } = this.#options;
    let failures = 0;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      const endpoint = endpoints[attempt % endpoints.length] ?? '';
      const connection = new Connection(endpoint, this.#options);
      this.#connection = connection;
      const why = await connection.run(signal);
      this.#connection = undefined;
      if (signal.aborted) return;
      failures = connection.welcomed ? 1 : failures + 1;
      const delayMs = backoffMs(failures, { initialMs: reconnectMsMin, maxMs: reconnectMsMax }) * (0.5 + random.next() / 2);
      log.warn('no session with a controller', { endpoint, why, retryInMs: Math.round(delayMs) });
      await clock.sleep(delayMs, signal).catch(() => undefined);
    }
  }
}
