/** Keeps container logs from filling the disk: `0.log` becomes `0.log.<time>` at a size, and only the latest few are kept. */
import { readdir, rename, rm, stat } from 'node:fs/promises';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { runtimeLimits } from '../limits.ts';
import { type Cri, CriError } from './cri.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from './labels.ts';
import { type Layout, logPath } from './layout.ts';

/** Sorts as text in the order of time. */
export const rotatedName = (path: string, nowMs: number): string => `${path}.${String(nowMs).padStart(15, '0')}`;

/** The rotated files of one log that are too many, oldest first. Pure. */
export const superfluous = (names: readonly string[], log: string, filesMax: number): string[] => {
  const rotated = names.filter((name) => name.startsWith(`${log}.`)).sort();
  return rotated.slice(0, Math.max(0, rotated.length - (filesMax - 1)));
};

export interface LogRotationOptions {
  readonly cri: Cri;
  readonly layout: Layout;
  readonly clock: Clock;
  readonly log: Log;
  readonly fileBytesMax?: number;
}

export class LogRotation {
  readonly #options: LogRotationOptions;
  #timer: Timer | undefined;
  #running = false;

  constructor(options: LogRotationOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = this.#options.clock.every(runtimeLimits.logRotationPeriodMs, () => {
      this.rotate().catch((error: unknown) => this.#options.log.debug('logs not rotated', { error }));
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** One round over all running containers; resolves to the logs that were rotated. */
  async rotate(): Promise<readonly string[]> {
    if (this.#running) return [];
    this.#running = true;
    try {
      const { containers } = await this.#options.cri.call('ListContainers', {});
      const rotated: string[] = [];
      for (const { id, state, labels, metadata } of containers) {
        const name = labels[containerNameLabel];
        if (state !== 'CONTAINER_RUNNING' || !name) continue;
        const folder = this.#options.layout.podLogs(labels[podNamespaceLabel] ?? '', labels[podNameLabel] ?? '', labels[podUidLabel] ?? '');
        const path = `${folder}/${logPath(name, metadata.attempt)}`;
        if (await this.#rotateOne(id, path)) rotated.push(path);
      }
      return rotated;
    } finally {
      this.#running = false;
    }
  }

  async #rotateOne(id: string, path: string): Promise<boolean> {
    const { cri, clock, fileBytesMax = runtimeLimits.logFileBytesMax } = this.#options;
    const found = await stat(path).catch(() => undefined);
    if (found && found.size < fileBytesMax) return false;
    // Not found: an agent was killed after it had renamed it, and the container still writes to that file.
    const target = rotatedName(path, clock.nowMs());
    if (found) await rename(path, target);
    try {
      await cri.call('ReopenContainerLog', { container_id: id });
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      // It ended meanwhile, or containerd is away: the container goes on writing to the same file, under its old name again.
      if (found) await rename(target, path);
      return false;
    }
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, slash);
    for (const name of superfluous(await readdir(folder), path.slice(slash + 1), runtimeLimits.logFilesMax)) await rm(`${folder}/${name}`, { force: true });
    return true;
  }
}
