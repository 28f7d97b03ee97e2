/**
 * Calls to etcd: one client per endpoint, one of them in use, the next one after a failure. Nothing is repeated
 * here, because only the caller knows whether a call may be made twice; etcd3's own retries are switched off.
 */
import { Etcd3, EtcdLeaseInvalidError, GRPCInvalidArgumentError, GRPCOutOfRangeError, GRPCResourceExhastedError, type IOptions } from 'etcd3';
import { assert } from '../../proto/process/assert.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { etcdCallTimeoutMs, etcdKeepaliveMs, etcdKeepaliveTimeoutMs, etcdMessageBytesMax, etcdReconnectMsMax, etcdRetiredClientsMax } from '../limits.ts';
import { KvLeaseNotFound, KvUnavailable } from './kv.ts';

export interface EtcdTls {
  /** PEM. */
  readonly ca: Buffer;
  readonly key: Buffer;
  readonly certificate: Buffer;
}

export interface CallOptions {
  readonly deadline: number;
}

const runOnce = { execute: async (call: (context: object) => unknown) => call({}) };

const clientOptions = (endpoint: string, tls: EtcdTls | undefined): IOptions => ({
  hosts: endpoint,
  ...(tls ? { credentials: { rootCertificate: tls.ca, privateKey: tls.key, certChain: tls.certificate } } : {}),
  // The type also wants events that etcd3 never listens to.
  faultHandling: { global: runOnce, host: () => runOnce } as unknown as NonNullable<IOptions['faultHandling']>,
  grpcOptions: {
    'grpc.keepalive_time_ms': etcdKeepaliveMs,
    'grpc.keepalive_timeout_ms': etcdKeepaliveTimeoutMs,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': etcdReconnectMsMax,
    'grpc.max_receive_message_length': etcdMessageBytesMax,
  },
});

/** The answer was larger than a message may be: ask for less. */
export class EtcdAnswerTooLarge extends Error {
  override readonly name = 'EtcdAnswerTooLarge';
}

/** The revision that the call named has been compacted. */
export class EtcdCompacted extends Error {
  override readonly name = 'EtcdCompacted';
}

/** What etcd3 threw, as one of the few errors that callers tell apart. */
const translate = (error: unknown): unknown => {
  assert(error instanceof Error, 'etcd3 throws errors');
  if (error instanceof EtcdLeaseInvalidError) return new KvLeaseNotFound('the lease is gone', { cause: error });
  if (error instanceof GRPCResourceExhastedError) return new EtcdAnswerTooLarge('too large an answer', { cause: error });
  if (error instanceof GRPCOutOfRangeError) return new EtcdCompacted('the revision is compacted', { cause: error });
  // We asked for something that makes no sense: a fault of the program, not of the network.
  if (error instanceof GRPCInvalidArgumentError) return error;
  return new KvUnavailable('etcd cannot be reached', { cause: error });
};

/** What asks etcd to keep something and meets this code finds it out of space: it serves reads alone until someone helps it. */
export const refusedWrite = (error: unknown): unknown =>
  error instanceof EtcdAnswerTooLarge ? new KvUnavailable('etcd takes no writes', { cause: error }) : error;

export class EtcdClient {
  readonly #endpoints: readonly string[];
  #clients: readonly Etcd3[];
  /** Those of certificates before, the latest first: what goes on over their connections is not cut off. */
  #retired: readonly Etcd3[] = [];
  readonly #clock: Clock;
  readonly #onLeft: (used: number) => void;
  #current = 0;
  /** The one in use for `readBeside`. */
  #beside = 0;

  /** `onLeft` is told of an endpoint that is no longer the one in use since it has failed: streams from there may stand still without a word. */
  constructor(endpoints: readonly string[], tls: EtcdTls | undefined, clock: Clock, onLeft: (used: number) => void) {
    assert(endpoints.length > 0, 'at least one etcd endpoint');
    this.#onLeft = onLeft;
    this.#endpoints = endpoints;
    this.#clients = endpoints.map((endpoint) => new Etcd3(clientOptions(endpoint, tls)));
    this.#clock = clock;
  }

  /** For connections from now on. */
  setTls(tls: EtcdTls): void {
    const retired = [...this.#clients, ...this.#retired];
    for (const client of retired.slice(etcdRetiredClientsMax)) client.close();
    this.#retired = retired.slice(0, etcdRetiredClientsMax);
    this.#clients = this.#endpoints.map((endpoint) => new Etcd3(clientOptions(endpoint, tls)));
  }

  get endpointCount(): number {
    return this.#clients.length;
  }

  /** One attempt at one endpoint. Throws KvUnavailable when the outcome is unknown or nobody answered. */
  async call<T>(make: (client: Etcd3, options: CallOptions) => Promise<T>, timeoutMs = etcdCallTimeoutMs): Promise<T> {
    const used = this.#current;
    try {
      return await this.#attempt(used, make, timeoutMs);
    } catch (error) {
      if (error instanceof KvUnavailable) this.moveOn(used);
      throw error;
    }
  }

  async #attempt<T>(used: number, make: (client: Etcd3, options: CallOptions) => Promise<T>, timeoutMs: number): Promise<T> {
    const client = this.#clients[used];
    assert(client, 'the client exists');
    try {
      return await make(client, { deadline: this.#clock.nowMs() + timeoutMs });
    } catch (error) {
      throw translate(error);
    }
  }

  /** For calls that may be made twice: tries every endpoint once. */
  read<T>(make: (client: Etcd3, options: CallOptions) => Promise<T>, timeoutMs = etcdCallTimeoutMs): Promise<T> {
    return this.#forEachEndpoint(() => this.call(make, timeoutMs));
  }

  /**
   * As `read`, for calls that get little time: they have an endpoint in use of their own, since one that is late for them is not to be left by all
   * others, perhaps for one that is away.
   */
  readBeside<T>(make: (client: Etcd3, options: CallOptions) => Promise<T>, timeoutMs: number): Promise<T> {
    return this.#forEachEndpoint(async () => {
      const used = this.#beside;
      try {
        return await this.#attempt(used, make, timeoutMs);
      } catch (error) {
        if (error instanceof KvUnavailable && used === this.#beside) this.#beside = this.#after(used);
        throw error;
      }
    });
  }

  /** `attempt` leaves an endpoint at which it found nobody. */
  async #forEachEndpoint<T>(attempt: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof KvUnavailable) || attempts >= this.#clients.length) throw error;
      }
    }
  }

  #after(used: number): number {
    return (used + 1) % this.#clients.length;
  }

  /** The client for a long-lived stream, and its number for `moveOn`. */
  current(): { client: Etcd3; used: number } {
    const client = this.#clients[this.#current];
    assert(client, 'the current client exists');
    return { client, used: this.#current };
  }

  /** The endpoint `used` failed; when it is still the current one, the next takes its place. */
  moveOn(used: number): void {
    if (used !== this.#current || this.#clients.length === 1) return;
    this.#current = this.#after(used);
    this.#onLeft(used);
  }

  close(): void {
    for (const client of [...this.#retired, ...this.#clients]) client.close();
  }
}
