/**
 * Talks that containerd's CRI part leads, over SPDY: attaching to a container's own input and outputs, of which containerd holds
 * the other ends, and connections to ports in a pod's network namespace, which it enters. Of the latter this only passes bytes on:
 * the protocol is spoken between the client and containerd.
 */
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { ApiError } from '../../proto/errors.ts';
import type { TerminalSize } from '../../proto/node-service.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { SpdyConnection, type SpdyStream } from '../../proto/spdy.ts';
import type { AttachQuery, PortForwardQuery } from '../../proto/tunnel-requests.ts';
import type { CriCalls } from './cri-messages.ts';
import type { ObservedPod } from './runtime.ts';
import { upgraded } from './upgraded.ts';

export interface AttachmentsOptions {
  readonly call: <M extends 'Attach' | 'PortForward'>(method: M, request: CriCalls[M][0]) => Promise<CriCalls[M][1]>;
  readonly observe: (podUid: string) => Promise<ObservedPod | undefined>;
  readonly clock: Clock;
}

const brokenOff = (): ApiError => new ApiError('InternalError', 'the container runtime broke off');

/** What CRI says at the end, in the error stream. */
const exitOf = (text: string): number => {
  if (text === '') return 0;
  const { status, message } = JSON.parse(text) as { status?: string; message?: string };
  if (status === 'Success') return 0;
  throw new ApiError('InternalError', message ?? 'the container runtime could not do it');
};

/** A container's own input and outputs, in the form of a command's (command-process.ts). */
export class AttachedContainer {
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
  readonly exit: Promise<number>;
  readonly #socket: Socket;
  readonly #stdin: SpdyStream | undefined;
  readonly #resize: SpdyStream | undefined;
  #full = 0;

  constructor(socket: Socket, { stdin, stdout, stderr, tty }: AttachQuery) {
    this.#socket = socket;
    const connection = new SpdyConnection((bytes, written) => void socket.write(bytes, written));
    const nothing = { onData: () => undefined, onEnd: () => undefined };
    const exit = Promise.withResolvers<number>();
    exit.promise.catch(() => undefined);
    this.exit = exit.promise;
    let told = '';
    // The order is that of CRI's own client.
    connection.open({ streamType: 'error' }, {
      onData: (bytes) => void (told += bytes.toString()),
      onEnd: () => {
        try {
          exit.resolve(exitOf(told));
        } catch (error) {
          exit.reject(error);
        }
      },
    });
    this.#stdin = stdin ? connection.open({ streamType: 'stdin' }, nothing) : undefined;
    this.stdout = stdout ? this.#output(connection, 'stdout') : undefined;
    this.stderr = stderr && !tty ? this.#output(connection, 'stderr') : undefined;
    this.#resize = tty ? connection.open({ streamType: 'resize' }, nothing) : undefined;
    socket.on('data', (bytes: Buffer) => connection.receive(bytes));
    socket.once('close', () => {
      exit.reject(brokenOff());
      connection.close();
    });
  }

  write(bytes: Buffer, taken: () => void): void {
    this.#stdin?.write(bytes, taken);
  }

  endInput(): void {
    this.#stdin?.end();
  }

  resize({ width, height }: TerminalSize): void {
    this.#resize?.write(Buffer.from(JSON.stringify({ Width: width, Height: height })));
  }

  /** The container goes on. */
  async close(): Promise<void> {
    this.#socket.destroy();
  }

  #output(connection: SpdyConnection, streamType: string): PassThrough {
    const output = new PassThrough();
    connection.open({ streamType }, {
      onData: (bytes) => {
        if (output.write(bytes)) return;
        this.#full += 1;
        this.#socket.pause();
        output.once('drain', () => {
          this.#full -= 1;
          if (this.#full === 0) this.#socket.resume();
        });
      },
      onEnd: () => void output.end(),
    });
    return output;
  }
}

/** A connection that is passed on as it is, in the form of a command's streams. */
class PassedConnection {
  readonly stdout: Socket;
  readonly stderr = undefined;
  readonly exit: Promise<number>;

  constructor(socket: Socket) {
    this.stdout = socket;
    this.exit = new Promise((resolve) => socket.once('close', () => resolve(0)));
  }

  write(bytes: Buffer, taken: () => void): void {
    this.stdout.write(bytes, () => taken());
  }

  endInput(): void {
    this.stdout.end();
  }

  resize(): void {
    // It is no terminal.
  }

  async close(): Promise<void> {
    this.stdout.destroy();
  }
}

export class Attachments {
  readonly #options: AttachmentsOptions;

  constructor(options: AttachmentsOptions) {
    this.#options = options;
  }

  /** Throws ApiError: NotFound without a running container. */
  async attach(query: AttachQuery): Promise<AttachedContainer> {
    const { call, observe, clock } = this.#options;
    const found = (await observe(query.podUid))?.containers.find(({ name, state }) => name === query.container && state === 'running');
    if (!found) throw new ApiError('NotFound', `container not found ("${query.container}")`);
    const { stdin, stdout, stderr, tty } = query;
    const { url } = await call('Attach', { container_id: found.id, stdin, stdout, stderr: stderr && !tty, tty });
    return new AttachedContainer(await upgraded(url, 'v4.channel.k8s.io', clock), query);
  }

  /** Throws ApiError: NotFound while the pod has no network. */
  async portForward({ podUid, podName }: PortForwardQuery): Promise<PassedConnection> {
    const { call, observe, clock } = this.#options;
    const sandbox = (await observe(podUid))?.sandboxes.find(({ ready }) => ready);
    if (!sandbox) throw new ApiError('NotFound', `pod ${podName} is not running`);
    const { url } = await call('PortForward', { pod_sandbox_id: sandbox.id, port: [] });
    return new PassedConnection(await upgraded(url, 'portforward.k8s.io', clock));
  }
}
