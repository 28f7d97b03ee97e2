/**
 * The agent's session with whichever controller it reaches:
 *
 *   dial ──► Hello ──► Welcome ──► complete objects, complete pods ──► changes, acknowledgements, tunnels …
 *    ▲                                heartbeats, pod reports, node status, events ──►
 *    ├── the next endpoint at once, at the end of a round after a jittered wait ◄── the session breaks
 *    └── the next endpoint, while this session goes on until the other has its Welcome ◄── the controller is about to end
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
  readonly random: Random;
}

export class Session {
  readonly #options: SessionOptions;
  /** The one that speaks for the node, and the one that is to take over from it. */
  readonly #connections = new Set<Connection>();

  constructor(options: SessionOptions) {
    this.#options = options;
    const ready = (): void => this.#connections.forEach((connection) => connection.ready());
    options.reporter.onReady = ready;
    options.events.onReady = ready;
    options.node.onChange = () => this.#connections.forEach((connection) => connection.nodeChanged());
    options.drain.onWanted = ready;
  }

  /** Whether a controller has welcomed this node and not gone since. */
  get connected(): boolean {
    return this.#present !== undefined;
  }

  /** The connection that speaks for the node. */
  get #present(): Connection | undefined {
    return [...this.#connections].find(({ welcomed, isOver }) => welcomed && !isOver);
  }

  /** Asks the controller of the present session; without one nobody is asked. */
  requestCertificate(csrPem: string): void {
    this.#present?.requestCertificate(csrPem);
  }

  /** Keeps a session until aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#options;
    const running = new Set<Promise<string>>();
    let [rounds, tried] = [0, 0];
    // Not all agents begin with the same controller.
    for (let at = Math.floor(random.next() * this.#options.controllers.endpoints.length); !signal.aborted; at += 1) {
      // Asked anew each time: they come and go.
      const { endpoints: first, spareEndpoints } = this.#options.controllers;
      const endpoints = rounds < 2 ? first : [...first, ...spareEndpoints];
      const endpoint = endpoints[at % endpoints.length] ?? '';
      const connection = this.#open(endpoint);
      const ended = connection.run(signal).finally(() => {
        running.delete(ended);
        this.#connections.delete(connection);
      });
      running.add(ended);
      const why = await Promise.race([ended, connection.moving]);
      if (signal.aborted) break;
      if (why === undefined) {
        log.info('moving to another controller', { from: endpoint });
        [rounds, tried] = [0, 0];
        continue;
      }
      tried = connection.welcomed ? 0 : (tried + 1) % endpoints.length;
      rounds = connection.welcomed ? 1 : rounds + (tried === 0 ? 1 : 0);
      const delayMs = tried > 0 ? 0 : backoffMs(rounds, { initialMs: reconnectMsMin, maxMs: reconnectMsMax }) * (0.5 + random.next() / 2);
      log.warn('no session with a controller', { endpoint, why, retryInMs: Math.round(delayMs) });
      if (delayMs > 0) await clock.sleep(delayMs, signal).catch(() => undefined);
    }
    await Promise.all(running);
  }

  /** A connection that ends the others when it is welcomed. */
  #open(endpoint: string): Connection {
    const connection = new Connection(endpoint, this.#options, {
      onWelcomed: () => {
        for (const other of this.#connections) if (other !== connection) other.retire();
      },
    });
    this.#connections.add(connection);
    return connection;
  }
}
