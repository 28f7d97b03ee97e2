/**
 * `logs`: reads what a container wrote, from the files that containerd keeps in CRI's format, and follows them while the
 * container runs. Following waits for the kernel to tell of a change of the folder; nothing is polled.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { badRequest } from '../../proto/errors.ts';
import { type Clock, parseTimestamp } from '../../proto/process/clock.ts';
import { runtimeLimits } from '../limits.ts';
import type { Layout } from './layout.ts';
import { type RunFiles, runsOf, tailStart } from './log-files.ts';
import { LogFormatter } from './log-format.ts';
import type { LogQuery } from './runtime.ts';

export interface LogSource {
  readonly layout: Layout;
  readonly clock: Clock;
  /** Whether more may come. */
  readonly isRunning: () => Promise<boolean>;
  /** Tells of anything that happens to the pod's containers. */
  readonly onChange: (listener: () => void) => { close(): void };
}

/** The run that is asked for. Throws ApiError BadRequest with Kubernetes' words when there is none. */
const findRun = (runs: readonly RunFiles[], { container, podName, previous }: LogQuery): RunFiles => {
  const run = runs[previous ? 1 : 0];
  if (run) return run;
  throw badRequest(
    previous
      ? `previous terminated container "${container}" in pod "${podName}" not found`
      : `container "${container}" in pod "${podName}" is waiting to start: ContainerCreating`,
  );
};

const sinceMs = ({ sinceSeconds, sinceTime }: LogQuery, clock: Clock): number => {
  if (sinceSeconds !== undefined) return clock.nowMs() - sinceSeconds * 1000;
  return parseTimestamp(sinceTime);
};

/** Wakes whoever waits; one that came while nobody waited is not lost. */
class Wake {
  /** Something happened to the pod's containers since this was last set to false. */
  containersChanged = true;
  #pending = false;
  #resolve: (() => void) | undefined;

  readonly now = (): void => {
    this.#pending = true;
    this.#resolve?.();
  };

  async next(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#resolve = undefined;
    this.#pending = false;
  }
}

/** Everything from `offset` to the end as it is now; the end is returned. */
async function* drain(file: FileHandle, offset: number, formatter: LogFormatter, signal: AbortSignal): AsyncGenerator<Buffer, number> {
  const buffer = Buffer.alloc(runtimeLimits.logReadBytes);
  let position = offset;
  while (!signal.aborted && !formatter.isFull) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const text = formatter.take(buffer.subarray(0, bytesRead));
    if (text.length > 0) yield text;
  }
  return position;
}

/** Whether another file has taken the path, with something in it: then nothing more comes in the one that is open. */
const wasRotated = async (file: FileHandle, path: string): Promise<boolean> => {
  const [own, current] = await Promise.all([file.stat(), stat(path).catch(() => undefined)]);
  return current !== undefined && current.ino !== own.ino && current.size > 0;
};

/** The last file of a run, as long as the container runs. */
async function* followFile(path: string, offset: number, formatter: LogFormatter, source: LogSource, wake: Wake, signal: AbortSignal): AsyncGenerator<Buffer> {
  let file = await open(path, 'r');
  let position = offset;
  let running = true;
  try {
    while (!signal.aborted && !formatter.isFull) {
      // Both are asked before reading: what was written until then is read below, and only then it may end.
      const rotated = await wasRotated(file, path);
      if (wake.containersChanged) {
        wake.containersChanged = false;
        running = await source.isRunning();
      }
      position = yield* drain(file, position, formatter, signal);
      if (rotated) {
        const next = await open(path, 'r');
        await file.close();
        file = next;
        position = 0;
        formatter.nextFile();
        continue;
      }
      if (!running) return;
      await wake.next();
    }
  } finally {
    await file.close();
  }
}

async function* read(run: RunFiles, query: LogQuery, source: LogSource, signal: AbortSignal): AsyncGenerator<Buffer> {
  const formatter = new LogFormatter({
    timestamps: query.timestamps,
    sinceMs: sinceMs(query, source.clock),
    limitBytes: query.limitBytes ?? Number.POSITIVE_INFINITY,
  });
  const wake = new Wake();
  let watcher: FSWatcher | undefined;
  let changes: { close(): void } | undefined;
  const current = run.paths.at(-1) ?? '';
  const following = query.follow && !query.previous;
  try {
    if (following) {
      // Before anything is read, so that no change falls between.
      watcher = watch(current.slice(0, current.lastIndexOf('/')), wake.now);
      // The pod's folder was removed: there is nothing more to follow.
      watcher.on('error', wake.now);
      changes = source.onChange(() => {
        wake.containersChanged = true;
        wake.now();
      });
      signal.addEventListener('abort', wake.now, { once: true });
    }
    const start = query.tailLines === undefined ? { index: 0, offset: 0 } : await tailStart(run.paths, query.tailLines);
    for (const [index, path] of run.paths.entries()) {
      if (index < start.index || formatter.isFull || signal.aborted) continue;
      const offset = index === start.index ? start.offset : 0;
      if (following && path === current) {
        yield* followFile(path, offset, formatter, source, wake, signal);
        continue;
      }
      const file = await open(path, 'r').catch(() => undefined);
      if (!file) continue;
      try {
        yield* drain(file, offset, formatter, signal);
        formatter.nextFile();
      } finally {
        await file.close();
      }
    }
  } finally {
    watcher?.close();
    changes?.close();
    signal.removeEventListener('abort', wake.now);
  }
}

/** Resolves once the log is found; the iteration ends with the container, at limitBytes, or when `signal` aborts. */
export const openLog = async (query: LogQuery, source: LogSource, signal: AbortSignal): Promise<AsyncIterable<Buffer>> => {
  const folder = source.layout.containerLogs(query.namespace, query.podName, query.podUid, query.container);
  const run = findRun(await runsOf(folder), query);
  return read(run, query, source, signal);
};
