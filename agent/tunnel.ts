/**
 * Answers a controller's OpenTunnel: opens the call, says accepted or why not, and sends the data as fast as the call
 * takes it. When the other end is gone the source is aborted, a command killed.
 */
import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import { ApiError, isApiError } from '../proto/errors.ts';
import { nodeService, toJsonBytes } from '../proto/node-service.ts';
import type { OpenTunnel, TunnelFrame } from '../proto/node-service.ts';
import type { NodeUsage } from '../proto/node-usage.ts';
import type { Log } from '../proto/process/log.ts';
import type { AttachQuery, CommandQuery, ConversationRequest, LogQuery, PortForwardQuery, TunnelRequest } from '../proto/tunnel-requests.ts';
import { tunnelFrameBytesMax, tunnelsMax } from './limits.ts';
import type { CommandProcess } from './runtime/command-process.ts';

/** The part of Runtime that tunnels need. */
export interface LogSource {
  log(query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
}

/** The part of UsageMeter that tunnels need. */
export interface UsageSource {
  measure(): Promise<NodeUsage>;
}

/** What somebody talks to in a pod: a command, a container itself, a connection into the pod's network. */
export type Conversation = Pick<CommandProcess, 'write' | 'endInput' | 'resize' | 'close' | 'exit'> & {
  readonly stdout: AsyncIterable<Buffer> | undefined;
  readonly stderr: AsyncIterable<Buffer> | undefined;
};

/** The part of Commands that tunnels need. */
export interface CommandSource {
  run(query: CommandQuery): Promise<Conversation>;
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

type Wrap = (data: Buffer) => TunnelFrame;

const toData: Wrap = (data) => ({ frame: 'data', data });
const toStderr: Wrap = (stderr) => ({ frame: 'stderr', stderr });

/** Everything of the source, in pieces, as fast as the stream takes it. */
const send = async (stream: TunnelStream, source: AsyncIterable<Buffer> | Iterable<Buffer>, wrap: Wrap, signal: AbortSignal): Promise<void> => {
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += tunnelFrameBytesMax) {
      if (!stream.write(wrap(chunk.subarray(at, at + tunnelFrameBytesMax)))) await drained(stream, signal);
    }
    if (signal.aborted) throw signal.reason;
  }
};

const failureOf = (error: unknown): { reason: string; message: string } =>
  isApiError(error) ? { reason: error.reason, message: error.message } : { reason: 'InternalError', message: 'the node could not do it' };

/** The part of Attachments that tunnels need. */
export interface AttachmentSource {
  attach(query: AttachQuery): Promise<Conversation>;
  portForward(query: PortForwardQuery): Promise<Conversation>;
}

export interface TunnelSources {
  readonly logs: LogSource;
  readonly commands: CommandSource;
  readonly attachments: AttachmentSource;
  readonly usage: UsageSource;
}

export class TunnelAnswers {
  readonly #sources: TunnelSources;
  readonly #log: Log;
  #open = 0;

  constructor(sources: TunnelSources, log: Log) {
    this.#sources = sources;
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
    // Its end is only seen by who reads; before a command is accepted nothing comes.
    stream.resume();
    stream.write({ frame: 'id', id });
    this.#open += 1;
    try {
      await this.#serve(stream, JSON.parse(String(request)) as TunnelRequest, signal);
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

  async #serve(stream: TunnelStream, request: TunnelRequest, signal: AbortSignal): Promise<void> {
    if (this.#open > tunnelsMax) throw new ApiError('TooManyRequests', 'too many tunnels to the node are open');
    const { logs, usage } = this.#sources;
    switch (request.type) {
      case 'exec':
      case 'attach':
      case 'portForward':
        return this.#converse(stream, await this.#begin(request), signal);
      case 'usage': {
        const measured = toJsonBytes(await usage.measure());
        stream.write({ frame: 'accepted', accepted: true });
        return send(stream, [measured], toData, signal);
      }
      case 'log': {
        const { type: _, ...query } = request;
        const source = await logs.log(query, signal);
        stream.write({ frame: 'accepted', accepted: true });
        return send(stream, source, toData, signal);
      }
      default:
        throw new ApiError('BadRequest', 'the node does not know this type of tunnel');
    }
  }

  #begin(request: ConversationRequest): Promise<Conversation> {
    const { commands, attachments } = this.#sources;
    switch (request.type) {
      case 'exec':
        return commands.run(request);
      case 'attach':
        return attachments.attach(request);
      case 'portForward':
        return attachments.portForward(request);
    }
  }

  async #converse(stream: TunnelStream, command: Conversation, signal: AbortSignal): Promise<void> {
    // Its outputs end with it, and so does what waits for them below.
    const onAbort = (): void => this.#close(command);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      signal.throwIfAborted();
      stream.on('data', (frame: TunnelFrame) => {
        if (frame.frame === 'data') {
          const { length } = frame.data;
          command.write(frame.data, () => void (signal.aborted || stream.writableEnded || stream.write({ frame: 'taken', taken: length })));
        } else if (frame.frame === 'stdinEnd') command.endInput();
        else if (frame.frame === 'resize') command.resize(frame.resize);
      });
      stream.write({ frame: 'accepted', accepted: true });
      const { stdout, stderr } = command;
      await Promise.all([stdout && send(stream, stdout, toData, signal), stderr && send(stream, stderr, toStderr, signal)]);
      stream.write({ frame: 'exit', exit: await command.exit });
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#close(command);
    }
  }

  /** In the background: what cannot be killed must not hold its client. */
  #close(command: Conversation): void {
    command.close().catch((error: unknown) => this.#log.warn('a command was left', { error }));
  }
}
