/**
 * What the last session told of the network, on disk: an agent that starts while no controller can be reached goes on
 * serving names and services with it. Lines of JSON:
 *
 *     the settings, and how many lines the complete state has    written beside and renamed, whole or not at all
 *     a line for each service with its slices, and for each peer
 *     the same for what changed since, a later line instead of an earlier one    added: a change costs what changed
 *
 * When as much has been added as the complete state took, all of it is written anew. Of what was being added when the power went the
 * lines count that are whole.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import type { Peer, Welcome } from '../../proto/node-service.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { EndpointSlice, Service } from '../../proto/resources/kubernetes.ts';
import { networkKeptAddedBytesMin, networkKeptAfterMs, networkKeptBatch } from '../limits.ts';
import type { NetworkSnapshot, NetworkStateStore } from './network-state.ts';

export interface KeptNetwork {
  readonly welcome: Welcome;
  readonly snapshot: NetworkSnapshot;
}

/** All that there is of a service; nothing, when it is gone. */
interface ServiceLine {
  readonly key: string;
  readonly service?: Service | undefined;
  readonly slices: readonly EndpointSlice[];
}

interface SettingsLine {
  readonly welcome: Welcome;
  /** How many lines of the complete state follow; only in the first line. */
  readonly lines?: number;
}

type Line = SettingsLine | ServiceLine | { readonly peer: Peer } | { readonly peerGone: string };

/** Those before the first that is damaged; what follows the last line's end is none. */
function* wholeLines(text: string): Generator<Line> {
  for (const line of text.split('\n').slice(0, -1)) {
    try {
      yield JSON.parse(line) as Line;
    } catch {
      return;
    }
  }
}

/** Pure. Undefined when no complete state was kept. */
export const parseKept = (text: string): KeptNetwork | undefined => {
  const [services, peers] = [new Map<string, ServiceLine>(), new Map<string, Peer>()];
  let welcome: Welcome | undefined;
  let missing = Number.POSITIVE_INFINITY;
  for (const line of wholeLines(text)) {
    if ('welcome' in line) {
      ({ welcome } = line);
      missing = line.lines ?? missing;
    } else missing -= 1;
    if ('key' in line) services.set(line.key, line);
    else if ('peer' in line) peers.set(line.peer.name, line.peer);
    else if ('peerGone' in line) peers.delete(line.peerGone);
  }
  if (welcome === undefined || missing > 0) return undefined;
  const all = [...services.values()];
  return { welcome, snapshot: { services: all.flatMap(({ service }) => service ?? []), slices: all.flatMap(({ slices }) => slices), peers: [...peers.values()] } };
};

/** Undefined when there is nothing, or nothing that can be read. */
export const readKept = async (path: string, log: Log): Promise<KeptNetwork | undefined> => {
  try {
    const kept = parseKept(await readFile(path, 'utf8'));
    if (kept === undefined) log.warn('what was kept of the network is damaged', { path });
    return kept;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('what was kept of the network cannot be read', { path, error });
    return undefined;
  }
};

/** Resolves to how many bytes they took, once they are on the disk. */
const writeLines = async (file: FileHandle, lines: readonly Line[]): Promise<number> => {
  let bytes = 0;
  // In pieces, so that thousands of services do not hold up everything else.
  for (let at = 0; at < lines.length; at += networkKeptBatch) {
    const text = lines.slice(at, at + networkKeptBatch).map((line) => `${JSON.stringify(line)}\n`).join('');
    bytes += (await file.write(text)).bytesWritten;
  }
  await file.datasync();
  return bytes;
};

const writeWhole = async (path: string, lines: readonly Line[]): Promise<number> => {
  const file = await open(`${path}.new`, 'w', 0o600);
  const bytes = await writeLines(file, lines).finally(() => file.close());
  await rename(`${path}.new`, path);
  return bytes;
};

/** Rejects where there is no file: what is added to nothing says nothing. */
const add = async (path: string, lines: readonly Line[]): Promise<number> => {
  if (lines.length === 0) return 0;
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  return await writeLines(file, lines).finally(() => file.close());
};

/** What is on the disk. */
interface Written {
  readonly welcome: Welcome;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly wholeBytes: number;
  readonly addedBytes: number;
}

export class NetworkKeeper {
  readonly #path: string;
  readonly #store: NetworkStateStore;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #subscription: { close(): void };
  #welcome: Welcome | undefined;
  /** Keys of the services that are not on the disk as they are. */
  readonly #changed = new Set<string>();
  /** Undefined: nobody knows, and everything is to be written. */
  #written: Written | undefined;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string, store: NetworkStateStore, clock: Clock, log: Log) {
    this.#path = path;
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#subscription = store.subscribe(({ services }) => {
      for (const key of services) this.#changed.add(key);
      this.#writeSoon();
    });
  }

  /** The settings of the session that has begun. */
  welcomed(welcome: Welcome): void {
    this.#welcome = welcome;
    this.#writeSoon();
  }

  /** Writes what is not on disk yet. */
  async close(): Promise<void> {
    this.#subscription.close();
    await this.#writing;
    if (this.#timer) await this.#write();
  }

  #writeSoon(): void {
    this.#timer ??= this.#clock.after(networkKeptAfterMs, () => {
      this.#writing = (this.#writing ?? Promise.resolve()).then(() => this.#write());
    });
  }

  async #write(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#welcome === undefined || !this.#store.complete) return;
    const before = this.#written;
    // Where it fails: the next change writes everything; a disk that is full ends no service.
    this.#written = undefined;
    try {
      this.#written = await this.#bring(this.#welcome, before);
    } catch (error) {
      this.#log.warn('the network could not be kept', { path: this.#path, error });
    }
  }

  /** What is to be written is fixed before the first byte is: what changes meanwhile is written the next time. */
  async #bring(welcome: Welcome, before: Written | undefined): Promise<Written> {
    const peers = new Map(this.#store.peers);
    const adds = before !== undefined && before.addedBytes <= Math.max(before.wholeBytes, networkKeptAddedBytesMin);
    const services = [...(adds ? this.#changed : this.#store.keys())].map((key): ServiceLine => ({ key, service: this.#store.service(key), slices: this.#store.slicesOf(key) }));
    this.#changed.clear();
    if (!adds) {
      const state: Line[] = [...services, ...[...peers.values()].map((peer) => ({ peer }))];
      return { welcome, peers, wholeBytes: await writeWhole(this.#path, [{ welcome, lines: state.length }, ...state]), addedBytes: 0 };
    }
    const lines: Line[] = [
      ...(JSON.stringify(before.welcome) === JSON.stringify(welcome) ? [] : [{ welcome }]),
      ...services,
      // A peer that changed is another object.
      ...[...peers.values()].filter((peer) => before.peers.get(peer.name) !== peer).map((peer) => ({ peer })),
      ...[...before.peers.keys()].filter((name) => !peers.has(name)).map((peerGone) => ({ peerGone })),
    ];
    return { ...before, welcome, peers, addedBytes: before.addedBytes + (await add(this.#path, lines)) };
  }
}
