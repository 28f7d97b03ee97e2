/**
 * Commands in running containers that somebody talks to (kubectl exec, berth exec): what they are asked for with, and the
 * process that comes of it. What an agent leaves behind that was killed, the next one ends.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { ApiError, badRequest } from '../../proto/errors.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import type { CommandQuery } from '../../proto/tunnel-requests.ts';
import { endProcess, type CommandProcess, startProcess } from './command-process.ts';
import { CriError } from './cri.ts';
import type { ObservedPod } from './runtime.ts';
import { Tasks } from './tasks.ts';

export interface CommandsOptions {
  /** containerd's unix socket. */
  readonly socket: string;
  /** For the named pipes of what runs. */
  readonly folder: string;
  readonly observe: (podUid: string) => Promise<ObservedPod | undefined>;
  readonly nowMs: () => number;
  readonly random: Random;
  readonly log: Log;
}

export class Commands {
  readonly #options: CommandsOptions;
  readonly #tasks: Tasks;

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#tasks = new Tasks(options.socket, options.nowMs);
  }

  /** Makes the folder, and ends in the background what an earlier agent has left. */
  async start(): Promise<void> {
    const { folder, log } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const left of await readdir(folder)) {
      const [container_id = '', exec_id = ''] = left.split('.');
      void endProcess(this.#tasks, { container_id, exec_id }, `${folder}/${left}`).catch((error: unknown) => log.warn('a command was left', { error }));
    }
  }

  /** Resolves once the command runs. Throws ApiError: NotFound without a running container, InternalError when it cannot be started. */
  async run(query: CommandQuery): Promise<CommandProcess> {
    const { folder, observe, random } = this.#options;
    if (query.command.length === 0) throw badRequest('there is no command');
    const runs = (await observe(query.podUid))?.containers ?? [];
    const found = runs.find(({ name, state }) => name === query.container && state === 'running');
    if (!found) throw new ApiError('NotFound', `container not found ("${query.container}")`);
    const name = { container_id: found.id, exec_id: random.uuid() };
    try {
      return await startProcess(this.#tasks, name, query, `${folder}/${name.container_id}.${name.exec_id}`);
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      throw new ApiError('InternalError', `Internal error occurred: error executing command in container: ${error.message}`, undefined, { cause: error });
    }
  }

  close(): void {
    this.#tasks.close();
  }
}
