/**
 * Answers a controller's OpenTunnel: opens the call, says accepted or why not, and sends the data as fast as the call
 * takes it. When the other end is gone the source is aborted.
 */
import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import { ApiError, isApiError } from '../proto/errors.ts';
import { nodeService, toJsonBytes } from '../proto/node-service.ts';
import type { OpenTunnel, TunnelFrame } from '../proto/node-service.ts';
import type { Log } from '../proto/process/log.ts';
import { tunnelFrameBytesMax, tunnelsMax } from './limits.ts';
import type { LogQuery } from './runtime/runtime.ts';

/** The part of Runtime that tunnels need. */
export interface LogSource {
  log(query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

type TunnelStream = ClientDuplexStream<TunnelFrame, TunnelFrame>;

/** Resolves when the stream takes more; rejects when it is aborted. */
const drained = (stream: TunnelStream, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const end = (): void => {
      stream.off('drain', onDrain);
      signal.removeEventListener('abort', onAbort);
    };
    const onDrain = (): void => {
      end();
      resolve();
    };
    const onAbort = (): void => {
      end();
      reject(signal.reason as Error);
    };
    stream.once('drain', onDrain);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });

const failureOf = (error: unknown): { reason: string; message: string } =>
  isApiError(error) ? { reason: error.reason, message: error.message } : { reason: 'InternalError', message: 'the node could not do it' };

export class TunnelAnswers {
  readonly #logs: LogSource;
  readonly #log: Log;
  #open = 0;

  constructor(logs: LogSource, log: Log) {
    this.#logs = logs;
    this.#log = log;
  }

  /** Serves one tunnel to its end; never rejects. `signal` is the session's. */
  async answer(client: Client, { id, request }: OpenTunnel, session: AbortSignal): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = nodeService.tunnel;
    const stream: TunnelStream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, session]);
    stream.on('error', () => gone.abort());
    stream.on('status', () => gone.abort());
    stream.on('end', () => gone.abort());
    // The controller sends nothing, but its end is only seen by who reads.
    stream.resume();
    stream.write({ frame: 'id', id });
    this.#open += 1;
    try {
      await this.#serve(stream, JSON.parse(String(request)) as { type: string } & LogQuery, signal);
      stream.end();
    } catch (error) {
      if (signal.aborted) stream.cancel();
      else {
        if (!isApiError(error)) this.#log.warn('tunnel failed', { error });
        stream.write({ frame: 'failure', failure: toJsonBytes(failureOf(error)) });
        stream.end();
      }
    } finally {
      this.#open -= 1;
    }
  }

  async #serve(stream: TunnelStream, { type, ...query }: { type: string } & LogQuery, signal: AbortSignal): Promise<void> {
    if (this.#open > tunnelsMax) throw new ApiError('TooManyRequests', 'too many tunnels to the node are open');
    if (type !== 'log') throw new ApiError('BadRequest', 'the node does not know this type of tunnel');
    const source = await this.#logs.log(query, signal);
    stream.write({ frame: 'accepted', accepted: true });
    for await (const chunk of source) {
      for (let at = 0; at < chunk.length; at += tunnelFrameBytesMax) {
        if (!stream.write({ frame: 'data', data: chunk.subarray(at, at + tunnelFrameBytesMax) })) await drained(stream, signal);
      }
      if (signal.aborted) throw signal.reason;
    }
  }
}
