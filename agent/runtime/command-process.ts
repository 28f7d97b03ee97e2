/**
 * One process that containerd adds to a container. Its input and outputs are named pipes in a folder of the agent:
 *
 *     agent ── stdin ──► shim ──► process ──► shim ── stdout, stderr ──► agent
 *
 * They are opened without waiting for the other end, and read as fast as the reader takes: a process whose client is slow waits
 * in its own write.
 */
import { execFile } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import type { TerminalSize } from '../../proto/node-service.ts';
import type { CommandQuery } from '../../proto/tunnel-requests.ts';
import { type CriError, isNotFound } from './cri.ts';
import type { ProcessName, Tasks } from './tasks.ts';

const processType = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const killSignal = 9;

export interface OciProcess {
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly terminal?: boolean;
  readonly [field: string]: unknown;
}

/** The container's own process with another command: user, capabilities, limits, environment and folder stay. */
export const processOf = (own: OciProcess, { command, tty }: Pick<CommandQuery, 'command' | 'tty'>): OciProcess => {
  // The size of the container's terminal is not that of the client's.
  const { consoleSize: _, ...kept } = own;
  const env = own.env ?? [];
  const needsTerm = tty && !env.some((entry) => entry.startsWith('TERM='));
  return { ...kept, args: command, terminal: tty, env: needsTerm ? [...env, 'TERM=xterm'] : env };
};

/** A pipe's end as a stream that waits for the kernel, not for a thread. */
const openPipe = (path: string, mode: 'read' | 'write'): Socket => {
  // The writing end is open for both, as there is no reader yet; the reading end only for reading, so that it sees its end.
  const fd = openSync(path, (mode === 'read' ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK);
  const socket = new Socket({ fd, readable: mode === 'read', writable: mode === 'write' });
  socket.on('error', () => undefined);
  return socket;
};

/** Kills what is left of the process, and removes it and its pipes. */
export const endProcess = async (tasks: Tasks, name: ProcessName, folder: string): Promise<void> => {
  const ignored = (): undefined => undefined;
  await tasks.call('Kill', { ...name, signal: killSignal }).catch(ignored);
  await tasks.call('Wait', name).catch(ignored);
  await tasks.call('DeleteProcess', name).catch((error: CriError) => {
    if (!isNotFound(error)) throw error;
  });
  await rm(folder, { recursive: true, force: true });
};

export class CommandProcess {
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
  readonly #tasks: Tasks;
  readonly #name: ProcessName;
  readonly #folder: string;
  readonly #pid: number;
  readonly #stdin: Socket | undefined;
  #unwritten = 0;
  #inputEnded = false;
  #exited = false;
  #closing: Promise<void> | undefined;
  /** The exit code; 128 and the signal's number of one that was killed. */
  readonly exit: Promise<number>;

  constructor(tasks: Tasks, name: ProcessName, folder: string, pid: number, pipes: Pipes) {
    this.#tasks = tasks;
    this.#name = name;
    this.#folder = folder;
    this.#pid = pid;
    this.#stdin = pipes.stdin;
    this.stdout = pipes.stdout;
    this.stderr = pipes.stderr;
    this.exit = tasks.call('Wait', name).then(({ exit_status }) => exit_status).finally(() => {
      this.#exited = true;
      // Nobody reads it any more.
      this.#stdin?.destroy();
    });
    this.exit.catch(() => undefined);
  }

  /** `taken` is called once the process has, or could have, the bytes. */
  write(bytes: Buffer, taken: () => void): void {
    if (!this.#stdin || this.#inputEnded) return;
    this.#unwritten += 1;
    this.#stdin.write(bytes, () => {
      this.#unwritten -= 1;
      taken();
      this.#endIfWritten();
    });
  }

  endInput(): void {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    this.#endIfWritten();
  }

  resize({ width, height }: TerminalSize): void {
    // One that has ended has no size.
    this.#tasks.call('ResizePty', { ...this.#name, width, height }).catch(() => undefined);
  }

  /** Kills what still runs, with what it has started in its process group, and leaves nothing behind. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const pipe of [this.#stdin, this.stdout, this.stderr]) pipe?.destroy();
    if (!this.#exited) this.#killGroup();
    await endProcess(this.#tasks, this.#name, this.#folder);
  }

  /** runc makes each process the leader of a group. */
  #killGroup(): void {
    if (this.#pid <= 1) return;
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }

  #endIfWritten(): void {
    if (!this.#inputEnded || this.#unwritten > 0 || !this.#stdin || this.#stdin.destroyed) return;
    // The shim holds the pipe open as well, until it is told.
    this.#stdin.destroy();
    this.#tasks.call('CloseIO', { ...this.#name, stdin: true }).catch(() => undefined);
  }
}

interface Pipes {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
}

const closePipes = ({ stdin, stdout, stderr }: Pipes): void => [stdin, stdout, stderr].forEach((pipe) => pipe?.destroy());

/** Rejects with CriError when the container is gone or the command cannot be started; nothing is left then. */
export const startProcess = async (tasks: Tasks, name: ProcessName, query: CommandQuery, folder: string): Promise<CommandProcess> => {
  const { container } = await tasks.call('Get', { id: name.container_id });
  const spec = JSON.parse(String(container?.spec.value)) as { process?: OciProcess };
  const wanted = { stdin: query.stdin, stdout: query.stdout, stderr: query.stderr && !query.tty };
  const path = (stream: keyof typeof wanted): string => (wanted[stream] ? `${folder}/${stream}` : '');
  await mkdir(folder, { mode: 0o700 });
  await promisify(execFile)('mkfifo', ['-m', '600', ...[path('stdin'), path('stdout'), path('stderr')].filter((each) => each !== '')]);
  const pipes: Pipes = {
    stdin: wanted.stdin ? openPipe(path('stdin'), 'write') : undefined,
    stdout: wanted.stdout ? openPipe(path('stdout'), 'read') : undefined,
    stderr: wanted.stderr ? openPipe(path('stderr'), 'read') : undefined,
  };
  try {
    await tasks.call('Exec', {
      ...name,
      stdin: path('stdin'),
      stdout: path('stdout'),
      stderr: path('stderr'),
      terminal: query.tty,
      spec: { type_url: processType, value: Buffer.from(JSON.stringify(processOf(spec.process ?? {}, query))) },
    });
    const { pid } = await tasks.call('Start', name);
    return new CommandProcess(tasks, name, folder, pid, pipes);
  } catch (error) {
    closePipes(pipes);
    await tasks.call('DeleteProcess', name).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
};
