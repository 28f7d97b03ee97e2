/**
 * Where the controllers serve the API, and, below another prefix, the nodes: a key of each in etcd that lives as long as it
 * does, and the set of them.
 *
 *     register ──► /berth/api/NAME = address:port, by lease ──► watch ──► `addresses` of every controller
 *
 * While etcd is away the last answer holds. Before the first read there is none: `addresses` is undefined.
 */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { apiAddressRetryMsMax, apiAddressRetryMsMin, apiAddressTtlSeconds } from '../limits.ts';
import { type Kv, type KvEvent, KvLeaseNotFound, KvUnavailable, type KvWatch } from '../store/kv.ts';
import type { Subscription } from '../store/reader.ts';

/** Where clients and pods do. */
export const apiPrefix = '/berth/api/';
/** Where agents dial in. */
export const sessionsPrefix = '/berth/sessions/';

export interface ApiAddressesParts {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Log;
  readonly prefix?: string;
}

/** A key of a controller, and what it holds. */
export interface Registration {
  readonly prefix: string;
  readonly name: string;
  readonly address: string;
}

export class ApiAddresses {
  readonly #parts: ApiAddressesParts;
  readonly #prefix: string;
  readonly #closed = new AbortController();
  readonly #subscribers = new Set<() => void>();
  #byName: Map<string, string> | undefined;
  #watch: KvWatch | undefined;

  constructor(parts: ApiAddressesParts) {
    this.#parts = parts;
    this.#prefix = parts.prefix ?? apiPrefix;
  }

  /** `address:port` of each controller, sorted. */
  get addresses(): readonly string[] | undefined {
    return this.#byName && [...new Set(this.#byName.values())].toSorted();
  }

  /** Whether others than the controller of this name serve, as far as is known. */
  hasOthers(name: string): boolean {
    return [...(this.#byName?.keys() ?? [])].some((key) => !key.startsWith(`${name}/`));
  }

  subscribe(onChange: () => void): Subscription {
    this.#subscribers.add(onChange);
    return { close: () => void this.#subscribers.delete(onChange) };
  }

  /** Follows the addresses until `close`; resolves when they were read once. */
  async start(): Promise<void> {
    await this.#retrying(() => this.#read(), this.#closed.signal);
  }

  close(): void {
    this.#closed.abort();
    this.#watch?.close();
  }

  /** Keeps `address` there under `name` until `signal` aborts; resolves when it is taken away again. */
  register(name: string, address: string, signal: AbortSignal): Promise<void> {
    return this.registerAll([{ prefix: this.#prefix, name, address }], signal);
  }

  /** As `register`, of whatever prefixes, by one lease: keeping it is what costs. */
  async registerAll(registrations: readonly Registration[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted && registrations.length > 0) await this.#retrying(() => this.#hold(registrations, signal), signal);
  }

  /** Resolves when the lease is lost, or the signal aborts. */
  async #hold(registrations: readonly Registration[], signal: AbortSignal): Promise<void> {
    const { kv, clock } = this.#parts;
    const lease = await kv.grantLease(apiAddressTtlSeconds);
    try {
      // Whatever is there: an earlier life of this controller may have left it.
      await kv.txn(registrations.map(({ prefix, name, address }) => ({ key: `${prefix}${name}`, value: Buffer.from(address), expectedRevision: undefined, lease })));
      do {
        await clock.sleep((apiAddressTtlSeconds * 1_000) / 3, signal).catch(() => undefined);
      } while (!signal.aborted && (await kv.keepLease(lease)) > 0);
    } finally {
      if (signal.aborted) {
        await kv.revokeLease(lease).catch((error: unknown) => this.#parts.log.debug('the API address ends with its lease', { error }));
      }
    }
  }

  async #read(): Promise<void> {
    const { kv, log } = this.#parts;
    const { entries, revision } = await kv.range(this.#prefix);
    if (this.#closed.signal.aborted) return;
    this.#byName = new Map(entries.map(({ key, value }) => [key.slice(this.#prefix.length), value.toString()]));
    this.#tell();
    this.#watch = kv.watch(this.#prefix, revision + 1, {
      onEvents: (events) => this.#take(events),
      onCompacted: () => {
        this.start().catch((error: unknown) => log.error('API addresses cannot be read', { error }));
      },
      onConnection: () => undefined,
    });
  }

  #take(events: readonly KvEvent[]): void {
    for (const event of events) {
      if (event.type === 'put') this.#byName?.set(event.entry.key.slice(this.#prefix.length), event.entry.value.toString());
      else this.#byName?.delete(event.key.slice(this.#prefix.length));
    }
    this.#tell();
  }

  #tell(): void {
    for (const onChange of this.#subscribers) onChange();
  }

  /** Runs `attempt` until it does not fail for etcd's sake. */
  async #retrying(attempt: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        await attempt();
        return;
      } catch (error) {
        if (!(error instanceof KvUnavailable || error instanceof KvLeaseNotFound)) throw error;
        const delayMs = backoffMs(failures, { initialMs: apiAddressRetryMsMin, maxMs: apiAddressRetryMsMax });
        await this.#parts.clock.sleep(delayMs, signal).catch(() => undefined);
      }
    }
  }
}
