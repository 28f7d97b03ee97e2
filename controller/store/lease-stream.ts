/**
 * Keeps leases alive over one stream of etcd's, which answers in the order in which it was asked. A stream for each renewal would be most of
 * what a node costs that is only heard.
 */
import type { Etcd3 } from 'etcd3';
import type { Clock } from '../../proto/process/clock.ts';

type Stream = Awaited<ReturnType<Etcd3['leaseClient']['leaseKeepAlive']>>;

interface Question {
  readonly lease: string;
  readonly resolve: (ttlSeconds: number) => void;
  readonly reject: (error: Error) => void;
}

export class LeaseStream {
  readonly client: Etcd3;
  readonly #clock: Clock;
  readonly #opening: Promise<Stream>;
  /** Those without an answer, the oldest first. */
  readonly #asked: Question[] = [];
  #error: Error | undefined;

  constructor(client: Etcd3, clock: Clock) {
    this.client = client;
    this.#clock = clock;
    this.#opening = client.leaseClient.leaseKeepAlive();
    this.#opening.then((stream) => {
      stream.on('data', ({ ID, TTL }) => this.#answered(String(ID), Number(TTL)));
      stream.on('error', (error) => this.#fail(error));
      stream.on('end', () => this.#fail(new Error('etcd ended the stream of leases')));
    }, (error: Error) => this.#fail(error));
  }

  /** It serves no more: another one is needed. */
  get isBroken(): boolean {
    return this.#error !== undefined;
  }

  /** Resolves to the seconds that the lease has from now on, 0 when it is gone. Rejects when the stream breaks, or without an answer at the deadline. */
  async keep(lease: string, deadlineMs: number): Promise<number> {
    const stream = await this.#opening;
    if (this.#error) throw this.#error;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#asked.push({ lease, resolve, reject });
    stream.write({ ID: lease });
    // Whoever does not answer one does not answer those behind it.
    const timer = this.#clock.after(deadlineMs - this.#clock.nowMs(), () => this.#fail(new Error('etcd keeps no lease alive in time')));
    return promise.finally(() => timer.cancel());
  }

  /** What was asked is still answered. */
  close(): void {
    this.#opening.then((stream) => stream.end(), () => undefined);
  }

  #answered(lease: string, ttlSeconds: number): void {
    if (this.#asked[0]?.lease === lease) this.#asked.shift()?.resolve(ttlSeconds);
    else this.#fail(new Error('etcd answered out of order'));
  }

  #fail(error: Error): void {
    if (this.#error) return;
    this.#error = error;
    this.#opening.then((stream) => stream.cancel(), () => undefined);
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }
}
