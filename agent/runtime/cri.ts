/**
 * A thin typed client of CRI on a unix socket. It keeps one channel, which reconnects by itself; a call made while
 * containerd is away fails at once with `unavailable`, and whoever made it decides when to try again.
 */
import { fileURLToPath } from 'node:url';
import { type ChannelOptions, Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { criLimits } from '../limits.ts';
import type { CriCalls } from './cri-messages.ts';

export class CriError extends Error {
  override readonly name = 'CriError';
  readonly method: string;
  /** A gRPC status code. */
  readonly code: status;
  constructor(method: string, code: status, message: string, options?: ErrorOptions) {
    super(message, options);
    this.method = method;
    this.code = code;
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof CriError && error.code === status.NOT_FOUND;
export const isUnavailable = (error: unknown): boolean => error instanceof CriError && error.code === status.UNAVAILABLE;
export const isDeadline = (error: unknown): boolean => error instanceof CriError && error.code === status.DEADLINE_EXCEEDED;

interface Method {
  readonly path: string;
  readonly request: protobuf.Type;
  readonly response: protobuf.Type;
}

/** Loads a file of proto/, names kept as they are written. */
export const loadProto = (name: string): protobuf.Root => {
  const root = new protobuf.Root();
  root.loadSync(fileURLToPath(new URL(`../../proto/${name}`, import.meta.url)), { keepCase: true });
  root.resolveAll();
  return root;
};

export const fromMessage: protobuf.IConversionOptions = { longs: Number, enums: String, defaults: true, arrays: true, objects: true };

const methodsOf = (root: protobuf.Root): ReadonlyMap<string, Method> => {
  const methods = new Map<string, Method>();
  for (const name of ['runtime.v1.RuntimeService', 'runtime.v1.ImageService']) {
    for (const method of root.lookupService(name).methodsArray) {
      if (!method.resolvedRequestType || !method.resolvedResponseType) throw new Error(`${method.name} is not resolved`);
      methods.set(method.name, { path: `/${name}/${method.name}`, request: method.resolvedRequestType, response: method.resolvedResponseType });
    }
  }
  return methods;
};

/** Reconnects soon: containerd is on this machine, and every pod waits for it. */
const channelOptions: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': criLimits.reconnectDelayMsMin,
  'grpc.min_reconnect_backoff_ms': criLimits.reconnectDelayMsMin,
  'grpc.max_reconnect_backoff_ms': criLimits.reconnectDelayMsMax,
  'grpc.max_receive_message_length': criLimits.messageBytesMax,
};

export const openChannel = (socket: string): Client => new Client(`unix:${socket}`, credentials.createInsecure(), channelOptions);

export interface CallOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

export class Cri {
  readonly #client: Client;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #nowMs: () => number;

  constructor(socket: string, nowMs: () => number) {
    this.#client = openChannel(socket);
    this.#methods = methodsOf(loadProto('cri.proto'));
    this.#nowMs = nowMs;
  }

  /** Rejects with CriError, or with the signal's reason when it aborts first. */
  call<M extends keyof CriCalls>(method: M, request: CriCalls[M][0], options: CallOptions = {}): Promise<CriCalls[M][1]> {
    const { signal, timeoutMs = criLimits.callTimeoutMs } = options;
    const found = this.#methods.get(method);
    if (!found) throw new Error(`no CRI method ${method}`);
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason as Error);
        return;
      }
      const onAbort = (): void => call.cancel();
      const done = (error: ServiceError | null, value?: object): void => {
        signal?.removeEventListener('abort', onAbort);
        if (!error) resolve(value as CriCalls[M][1]);
        else if (signal?.aborted) reject(signal.reason as Error);
        else reject(new CriError(method, error.code, error.details));
      };
      const call = this.#client.makeUnaryRequest(
        found.path,
        (message: object) => Buffer.from(found.request.encode(found.request.fromObject(message)).finish()),
        (bytes: Buffer) => found.response.toObject(found.response.decode(bytes), fromMessage),
        request,
        new Metadata(),
        { deadline: this.#nowMs() + timeoutMs },
        done,
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  close(): void {
    this.#client.close();
  }
}
