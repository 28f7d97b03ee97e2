/**
 * containerd's event stream: which containers ended or ran out of memory (what started, this agent has started). The stream is opened again
 * whenever it breaks; what happened meanwhile is not repeated by containerd, so `onGap` tells that everything must be
 * looked at again.
 */
import { type ClientReadableStream, type Client, Metadata } from '@grpc/grpc-js';
import type protobuf from 'protobufjs';
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import { criLimits } from '../limits.ts';
import { fromMessage, loadProto, openChannel } from './cri.ts';

export interface TaskEvent {
  readonly type: 'exit' | 'oom';
  /** A container's id, or a sandbox's. */
  readonly containerId: string;
  /** How it ended, when it did. */
  readonly exit?: Exit;
}

export interface Exit {
  /** 128 and the signal's number for one that was killed. */
  readonly exitCode: number;
  readonly atMs: number;
}

export interface EventStreamOptions {
  readonly socket: string;
  readonly clock: Clock;
  readonly onEvent: (event: TaskEvent) => void;
  /** From now on events arrive. */
  readonly onOpen: () => void;
  /** From now on they may be missed. */
  readonly onBreak: () => void;
  /** The stream is there again after a break. */
  readonly onGap: () => void;
}

const subscribePath = '/containerd.services.events.v1.Events/Subscribe';
const topics = { '/tasks/exit': 'exit', '/tasks/oom': 'oom' } as const;
const messageNames = { exit: 'TaskExit', oom: 'TaskOOM' } as const;

interface TaskExit {
  readonly container_id: string;
  readonly id: string;
  readonly exit_status: number;
  readonly exited_at: { readonly seconds: number; readonly nanos: number } | null;
}

const exitOf = ({ exit_status: exitCode, exited_at: at }: TaskExit): Exit => ({ exitCode, atMs: at ? at.seconds * 1000 + Math.floor(at.nanos / 1e6) : 0 });

interface Envelope {
  readonly topic: keyof typeof topics;
  readonly event: { readonly value: Buffer } | null;
}

export class EventStream {
  readonly #options: EventStreamOptions;
  readonly #root: protobuf.Root;
  readonly #client: Client;
  #stream: ClientReadableStream<Envelope> | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #hadBreak = false;
  #closed = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#root = loadProto('containerd-events.proto');
    this.#client = openChannel(options.socket);
  }

  start(): void {
    const deadline = this.#options.clock.nowMs() + criLimits.callTimeoutMs;
    this.#client.waitForReady(deadline, (error) => {
      if (this.#closed) return;
      if (error) this.#again();
      else this.#subscribe();
    });
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#stream?.cancel();
    this.#client.close();
  }

  #lookup(name: string): protobuf.Type {
    return this.#root.lookupType(`containerd.services.events.v1.${name}`);
  }

  #subscribe(): void {
    const request = this.#lookup('SubscribeRequest');
    const envelope = this.#lookup('Envelope');
    const stream = this.#client.makeServerStreamRequest<object, Envelope>(
      subscribePath,
      (message) => Buffer.from(request.encode(request.fromObject(message)).finish()),
      (bytes) => envelope.toObject(envelope.decode(bytes), fromMessage) as Envelope,
      { filters: Object.keys(topics).map((topic) => `topic=="${topic}",namespace=="k8s.io"`) },
      new Metadata(),
    );
    this.#stream = stream;
    let ended = false;
    const onEnd = (): void => {
      if (ended) return;
      ended = true;
      this.#again();
    };
    stream.on('data', (message: Envelope) => this.#receive(message));
    stream.on('error', onEnd);
    stream.on('end', onEnd);
    this.#options.onOpen();
    if (this.#hadBreak) this.#options.onGap();
  }

  #receive({ topic, event }: Envelope): void {
    this.#failures = 0;
    const type = topics[topic];
    if (!type || !event) return;
    const message = this.#lookup(messageNames[type]);
    const fields = message.toObject(message.decode(event.value), fromMessage) as TaskExit;
    const { container_id: containerId } = fields;
    // An exec's process ends with an id of its own.
    if (type === 'exit' && fields.id !== containerId) return;
    this.#options.onEvent({ type, containerId, ...(type === 'exit' ? { exit: exitOf(fields) } : {}) });
  }

  #again(): void {
    if (this.#closed) return;
    this.#hadBreak = true;
    this.#options.onBreak();
    this.#failures++;
    const delayMs = backoffMs(this.#failures, { initialMs: criLimits.reconnectDelayMsMin, maxMs: criLimits.reconnectDelayMsMax });
    this.#retry = this.#options.clock.after(delayMs, () => this.start());
  }
}
