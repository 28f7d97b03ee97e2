/**
 * Streams through a node's session. The controller asks (OpenTunnel), the agent opens a call of its own that begins with
 * the tunnel's id, then says accepted or why not, then sends data; a command is sent its input the other way. Nothing is
 * buffered here beyond gRPC's own window: the call is read as the client reads. Cancelling either end ends the other.
 */
import { status as grpcStatus } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { ApiError, isApiError, statusCodes, unavailable } from '../../proto/errors.ts';
import type { Reason } from '../../proto/errors.ts';
import { toJsonBytes } from '../../proto/node-service.ts';
import type { OpenTunnel, TunnelFrame } from '../../proto/node-service.ts';
import type { NodeUsage } from '../../proto/node-usage.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Random } from '../../proto/process/random.ts';
import { tunnelOpenTimeoutMs, tunnelsOpeningMax } from '../limits.ts';
import { KvUnavailable } from '../store/kv.ts';
import type { AskedStream, Peers, PeerStream } from './peers.ts';
import { nodeOfCall, refuse } from './sessions.ts';
import type { ConversationRequest, TunnelRequest } from '../../proto/tunnel-requests.ts';
import type { ExecOutput, ExecStream, LogRequest, OnNode, Tunnels } from './tunnels.ts';

/** A call of the node's own, or one to the controller that has its session. */
export type TunnelStream = ServerDuplexStream<TunnelFrame, TunnelFrame> | PeerStream;

interface Opening {
  readonly nodeName: string;
  readonly opened: (stream: TunnelStream, frames: AsyncIterator<TunnelFrame>) => void;
}

const notConnected = (nodeName: string): ApiError => unavailable(`node "${nodeName}" is not connected`);

const failureOf = (bytes: Buffer): ApiError => {
  const { reason, message } = JSON.parse(String(bytes)) as { reason?: string; message?: string };
  const known = reason !== undefined && Object.hasOwn(statusCodes, reason) ? (reason as Reason) : 'InternalError';
  return new ApiError(known, message ?? 'the node could not do it');
};

/** The data of an accepted tunnel. */
async function* dataOf(stream: TunnelStream, frames: AsyncIterator<TunnelFrame>, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for (let next = await frames.next(); !next.done && !signal.aborted; next = await frames.next()) {
      if (next.value.frame === 'failure') throw failureOf(next.value.failure);
      if (next.value.frame === 'data') yield next.value.data;
    }
  } finally {
    stream.end();
  }
}

/** What comes of an accepted conversation, to its exit code. */
async function* outputOf(nodeName: string, stream: TunnelStream, frames: AsyncIterator<TunnelFrame>): AsyncGenerator<ExecOutput> {
  const broken = unavailable(`node "${nodeName}" broke off`);
  try {
    for (;;) {
      const next = await frames.next().catch(() => undefined);
      if (!next || next.done) throw broken;
      const { value } = next;
      if (value.frame === 'failure') throw failureOf(value.failure);
      if (value.frame === 'data' || value.frame === 'stderr' || value.frame === 'taken' || value.frame === 'exit') yield value;
      if (value.frame === 'exit') return;
    }
  } finally {
    stream.end();
  }
}

/** The part of NodeSessions that tunnels need. */
export interface TunnelSessions {
  holds(nodeName: string): boolean;
  /** Passes a request to the node's session; false when it has none here. */
  openTunnel(nodeName: string, openTunnel: OpenTunnel): boolean;
}

/** Resolves when the stream takes more, or nobody wants it any longer. */
const drained = (stream: AskedStream, gone: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (gone.aborted) return resolve();
    const done = (): void => {
      stream.off('drain', done);
      gone.removeEventListener('abort', done);
      resolve();
    };
    stream.once('drain', done);
    gone.addEventListener('abort', done);
  });

export interface NodeTunnelsOptions {
  readonly sessions: TunnelSessions;
  readonly peers: Peers | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

interface Opened {
  readonly stream: TunnelStream;
  readonly frames: AsyncIterator<TunnelFrame>;
}

/** Not destroyed before what was written is out: it would leave without a word to the other end. */
const leave = (stream: TunnelStream): void => {
  if (stream.writableFinished) stream.destroy();
  stream.once('finish', () => stream.destroy());
  stream.end();
};

export class NodeTunnels implements Tunnels {
  readonly #sessions: TunnelSessions;
  readonly #peers: Peers | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #opening = new Map<string, Opening>();

  constructor({ sessions, peers, clock, random }: NodeTunnelsOptions) {
    this.#sessions = sessions;
    this.#peers = peers;
    if (peers) peers.serve = (nodeName, request, stream) => void this.#relay(nodeName, request, stream);
    this.#clock = clock;
    this.#random = random;
  }

  holds(nodeName: string): boolean {
    return this.#sessions.holds(nodeName);
  }

  async usage(nodeName: string, signal: AbortSignal): Promise<NodeUsage> {
    const { stream, frames } = await this.#accepted({ type: 'usage', nodeName }, signal);
    const pieces: Buffer[] = [];
    try {
      for await (const piece of dataOf(stream, frames, signal)) pieces.push(piece);
      return JSON.parse(String(Buffer.concat(pieces))) as NodeUsage;
    } catch (error) {
      // The call is broken, or what came is not whole.
      throw isApiError(error) ? error : unavailable(`node "${nodeName}" broke off`);
    }
  }

  async log(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const { stream, frames } = await this.#accepted({ type: 'log', ...request }, signal);
    return dataOf(stream, frames, signal);
  }

  async converse(request: OnNode<ConversationRequest>, signal: AbortSignal): Promise<ExecStream> {
    const { stream, frames } = await this.#accepted(request, signal);
    return {
      send: (input) => void (stream.writable && stream.write(input)),
      output: outputOf(request.nodeName, stream, frames),
    };
  }

  /** A tunnel that the node has accepted; it ends when `signal` aborts. */
  async #accepted(request: OnNode<TunnelRequest>, signal: AbortSignal): Promise<Opened> {
    const { stream, frames } = await this.#open(request.nodeName, toJsonBytes(request), signal);
    const onAbort = (): void => leave(stream);
    if (signal.aborted) onAbort();
    // Etcd was asked meanwhile, who has the node: an abort that has been is told to nobody.
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('close', () => signal.removeEventListener('abort', onAbort));
    const first = await this.#answer(request.nodeName, stream, frames);
    if (first.frame === 'failure') {
      // Nobody reads it to its end, which is what would close it.
      leave(stream);
      throw failureOf(first.failure);
    }
    return { stream, frames };
  }

  /** Handles one Tunnel call: gives it to who waits for its id. */
  async accept(stream: ServerDuplexStream<TunnelFrame, TunnelFrame>): Promise<void> {
    stream.on('error', () => undefined);
    const frames = stream[Symbol.asyncIterator]() as AsyncIterator<TunnelFrame>;
    const first = await frames.next().catch(() => undefined);
    const id = first?.value?.frame === 'id' ? first.value.id : '';
    const opening = this.#opening.get(id);
    if (opening === undefined || opening.nodeName !== nodeOfCall(stream)) {
      refuse(stream, grpcStatus.NOT_FOUND, 'nobody waits for this tunnel');
      return;
    }
    this.#opening.delete(id);
    opening.opened(stream, frames);
  }

  async #answer(nodeName: string, stream: TunnelStream, frames: AsyncIterator<TunnelFrame>): Promise<TunnelFrame> {
    const timer = this.#clock.after(tunnelOpenTimeoutMs, () => stream.destroy());
    const first = await frames.next().catch(() => undefined);
    timer.cancel();
    if (first === undefined || first.done) throw unavailable(`node "${nodeName}" broke off the tunnel`);
    return first.value;
  }

  async #open(nodeName: string, request: Buffer, signal: AbortSignal): Promise<Opened> {
    if (this.#sessions.holds(nodeName) || !this.#peers) return this.#openHere(nodeName, request, signal);
    signal.throwIfAborted();
    const stream = await this.#peers.open(nodeName, request).catch((error: unknown) => {
      throw error instanceof KvUnavailable ? unavailable('etcd cannot be reached') : error;
    });
    if (!stream) throw notConnected(nodeName);
    return { stream, frames: stream[Symbol.asyncIterator]() as AsyncIterator<TunnelFrame> };
  }

  /** What another controller asks of a node whose session is here. */
  async #relay(nodeName: string, request: Buffer, asked: AskedStream): Promise<void> {
    const gone = new AbortController();
    const onGone = (): void => gone.abort();
    asked.once('cancelled', onGone).once('end', onGone).once('close', onGone);
    try {
      const { stream, frames } = await this.#openHere(nodeName, request, gone.signal);
      gone.signal.addEventListener('abort', () => leave(stream), { once: true });
      asked.on('data', (frame: TunnelFrame) => {
        if (stream.write(frame)) return;
        asked.pause();
        stream.once('drain', () => asked.resume());
      });
      asked.resume();
      for (let next = await frames.next(); !next.done && !gone.signal.aborted; next = await frames.next()) {
        if (!asked.write(next.value)) await drained(asked, gone.signal);
      }
      asked.end();
    } catch (error) {
      if (gone.signal.aborted) return;
      if (!isApiError(error)) return refuse(asked, grpcStatus.UNAVAILABLE, 'the node broke off');
      asked.write({ frame: 'failure', failure: toJsonBytes({ reason: error.reason, message: error.message }) });
      asked.end();
    }
  }

  #openHere(nodeName: string, request: Buffer, signal: AbortSignal): Promise<Opened> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason as Error);
        return;
      }
      if (this.#opening.size >= tunnelsOpeningMax) {
        reject(unavailable('too many tunnels are being opened'));
        return;
      }
      const id = this.#random.uuid();
      const settle = (): void => {
        this.#opening.delete(id);
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        settle();
        reject(signal.reason as Error);
      };
      const timer = this.#clock.after(tunnelOpenTimeoutMs, () => {
        settle();
        reject(unavailable(`node "${nodeName}" did not answer within ${tunnelOpenTimeoutMs / 1_000} s`));
      });
      signal.addEventListener('abort', onAbort, { once: true });
      this.#opening.set(id, {
        nodeName,
        opened: (stream, frames) => {
          settle();
          resolve({ stream, frames });
        },
      });
      if (this.#sessions.openTunnel(nodeName, { id, request })) return;
      settle();
      reject(notConnected(nodeName));
    });
  }
}
