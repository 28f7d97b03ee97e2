/** The two ends of a command in a container: this program's stdin, outputs and terminal, and the WebSocket to it. */
import type { Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { type Client, ConnectionError } from '../proto/client.ts';
import { ApiError, type StatusObject } from '../proto/errors.ts';
import { channels, decodeMessage, encodeClose, encodeData, encodeResize, execProtocols } from '../proto/exec-channels.ts';
import type { Program } from './program.ts';

export interface ExecRequest {
  readonly client: Client;
  /** With its query. */
  readonly path: string;
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** Resolves when the socket has taken it; rejects when it is closed. */
const send = (socket: WebSocket, message: Buffer): Promise<void> =>
  new Promise((resolve, reject) => socket.send(message, (error) => (error ? reject(error) : resolve())));

const exitCodeOf = (status: StatusObject): number => {
  if (status.status === 'Success') return 0;
  const { causes = [] } = (status.details ?? {}) as { causes?: readonly { reason?: string; message?: string }[] };
  const code = Number(causes.find(({ reason }) => reason === 'ExitCode')?.message);
  if ((status.reason as string | undefined) === 'NonZeroExitCode' && Number.isInteger(code)) return code;
  throw new ApiError(status.reason ?? 'InternalError', status.message ?? 'the command could not be run', status.details);
};

/** Everything that comes, to the outputs; resolves to the Status in the error channel. */
const receive = (socket: WebSocket, { streams, signal }: Program): Promise<StatusObject> =>
  new Promise((resolve, reject) => {
    let status: StatusObject | undefined;
    const pass = (output: Writable, bytes: Buffer): void => {
      if (output.write(bytes)) return;
      socket.pause();
      output.once('drain', () => socket.resume());
    };
    socket.on('message', (bytes: Buffer) => {
      const message = decodeMessage(bytes);
      if (message?.type !== 'data') return;
      if (message.channel === channels.stdout) pass(streams.stdout, message.bytes);
      else if (message.channel === channels.stderr) pass(streams.stderr, message.bytes);
      else if (message.channel === channels.error) status = JSON.parse(message.bytes.toString()) as StatusObject;
    });
    socket.once('close', () => {
      if (status) resolve(status);
      else reject(signal.aborted ? (signal.reason as Error) : new ConnectionError('the server broke off'));
    });
    socket.resume();
  });

/** stdin to its end. What the command does not want to read is not missed. */
const sendInput = async (socket: WebSocket, { streams }: Program): Promise<void> => {
  try {
    for await (const chunk of streams.stdin) await send(socket, encodeData(channels.stdin, chunk as Buffer));
    await send(socket, encodeClose(channels.stdin));
  } catch {
    // The command has ended.
  }
};

/**
 * The terminal belongs to the command while it runs; returns how it is given back. Its keys are only lent with stdin: Ctrl-C would get
 * nowhere otherwise.
 */
const lendTerminal = (socket: WebSocket, withKeys: boolean, { streams: { stdin, stdout } }: Program): (() => void) => {
  const tell = (): void => {
    if (stdout.columns && stdout.rows) socket.send(encodeResize(stdout.columns, stdout.rows), () => undefined);
  };
  if (withKeys && stdin.isTTY) stdin.setRawMode?.(true);
  stdout.on('resize', tell);
  tell();
  return () => {
    stdout.off('resize', tell);
    if (withKeys && stdin.isTTY) stdin.setRawMode?.(false);
  };
};

/** Runs the command; resolves to its exit code. Throws ApiError when it cannot be run, ConnectionError. */
export const converse = async ({ client, path, stdin, tty }: ExecRequest, program: Program): Promise<number> => {
  const socket = await client.openWebSocket(path, execProtocols[0], program.signal);
  const status = receive(socket, program);
  const giveBack = tty ? lendTerminal(socket, stdin, program) : undefined;
  if (stdin) void sendInput(socket, program);
  try {
    return exitCodeOf(await status);
  } finally {
    giveBack?.();
    // It may have more, and would keep the program from ending.
    if (stdin) program.streams.stdin.destroy();
  }
};
