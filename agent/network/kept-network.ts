/**
 * What the last session told of the network, on disk: an agent that starts while no controller can be reached goes on
 * serving names and services with it. Lines of JSON, the first the settings; written beside and renamed, whole or not at all.
 */
import { open, readFile, rename } from 'node:fs/promises';
import type { Peer, Welcome } from '../../proto/node-service.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { networkKeptAfterMs, networkKeptBatch } from '../limits.ts';
import type { NetworkSnapshot, NetworkStateStore } from './network-state.ts';

export interface KeptNetwork {
  readonly welcome: Welcome;
  readonly snapshot: NetworkSnapshot;
}

type Line = { readonly welcome: Welcome } | { readonly service: Service } | { readonly slice: EndpointSlice } | { readonly peer: Peer };

/** Pure. Undefined when nothing was kept. Throws SyntaxError for what is damaged. */
export const parseKept = (text: string): KeptNetwork | undefined => {
  let welcome: Welcome | undefined;
  const [services, slices, peers]: [Service[], EndpointSlice[], Peer[]] = [[], [], []];
  for (const one of text.split('\n')) {
    if (one === '') continue;
    const line = JSON.parse(one) as Line;
    if ('welcome' in line) ({ welcome } = line);
    else if ('service' in line) services.push(line.service);
    else if ('slice' in line) slices.push(line.slice);
    else peers.push(line.peer);
  }
  return welcome && { welcome, snapshot: { services, slices, peers } };
};

/** Undefined when there is nothing, or nothing that can be read. */
export const readKept = async (path: string, log: Log): Promise<KeptNetwork | undefined> => {
  try {
    return parseKept(await readFile(path, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('what was kept of the network cannot be read', { path, error });
    return undefined;
  }
};

const writeKept = async (path: string, lines: readonly Line[]): Promise<void> => {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    // In pieces, so that thousands of services do not hold up everything else.
    for (let at = 0; at < lines.length; at += networkKeptBatch) {
      await file.write(lines.slice(at, at + networkKeptBatch).map((line) => `${JSON.stringify(line)}\n`).join(''));
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
};

export class NetworkKeeper {
  readonly #path: string;
  readonly #store: NetworkStateStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscription: { close(): void };
  #welcome: Welcome | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, store: NetworkStateStore, clock: Clock, log: Log) {
    this.#path = path;
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#subscription = store.subscribe(() => this.#changed());
  }

  /** The settings of the session that has begun. */
  welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#changed();
  }

  /** Writes what is not on disk yet. */
  async close(): Promise<void> {
    this.#subscription.close();
    await this.#writing;
    if (this.#timer) await this.#write();
  }

  #changed(): void {
    this.#timer ??= this.#clock.after(networkKeptAfterMs, () => {
      this.#writing = (this.#writing ?? Promise.resolve()).then(() => this.#write());
    });
  }

  async #write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#welcome === undefined || !this.#store.complete) return;
    const { services, slices, peers } = this.#store.snapshot();
    const lines: Line[] = [
      { welcome: this.#welcome }, ...services.map((service) => ({ service })), ...slices.map((slice) => ({ slice })), ...peers.map((peer) => ({ peer })),
    ];
    // The next change tries again; a disk that is full ends no service.
    await writeKept(this.#path, lines).catch((error: unknown) => this.#log.warn('the network could not be kept', { path: this.#path, error }));
  }
}
