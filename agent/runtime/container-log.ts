/**
 * `logs`: reads what a container wrote, from the files that containerd keeps in CRI's format, and follows them while the
 * container runs. Following waits for the kernel to tell of a change of the folder; nothing is polled.
 */
import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { badRequest } from '../../proto/errors.ts';
import { type Clock, parseTimestamp } from '../../proto/process/clock.ts';
import type { LogQuery } from '../../proto/tunnel-requests.ts';
import { runtimeLimits } from '../limits.ts';
import type { Layout } from './layout.ts';
import { type RunFiles, runsOf, tailStart } from './log-files.ts';
import { LogFormatter } from './log-format.ts';

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

/**
 * The file that was begun after the open one, once it has something in it: then nothing more comes in the open one. It need not be the one
 * that is written to now, where two rotations came close together. Files are told by inode, since rotation renames them.
 */
const successor = async (file: FileHandle, path: string): Promise<string | undefined> => {
  const { ino } = await file.stat();
  if ((await stat(path).catch(() => undefined))?.ino === ino) return undefined;
  const run = (await runsOf(dirname(path))).find(({ paths }) => paths.at(-1) === path);
  const files = await Promise.all((run?.paths ?? []).map(async (name) => ({ name, stats: await stat(name).catch(() => undefined) })));
  // Not found is index -1: it was deleted, and the oldest that is left comes next.
  const next = files[files.findIndex(({ stats }) => stats?.ino === ino) + 1];
  return next?.stats && next.stats.size > 0 ? next.name : undefined;
};

interface Place {
  readonly path: string;
  readonly file: FileHandle;
  readonly offset: number;
}

/** The last file of a run, as long as the container runs. */
async function* followFile({ path, file: opened, offset }: Place, formatter: LogFormatter, source: LogSource, wake: Wake, signal: AbortSignal): AsyncGenerator<Buffer> {
  let file = opened;
  let position = offset;
  let running = true;
  try {
    while (!signal.aborted && !formatter.isFull) {
      // Both are asked before reading: what was written until then is read below, and only then it may end.
      const next = await successor(file, path);
      if (wake.containersChanged) {
        wake.containersChanged = false;
        running = await source.isRunning();
      }
      position = yield* drain(file, position, formatter, signal);
      if (next !== undefined) {
        // containerd's writers are not in step: a last line may come here after the first one there.
        await source.clock.sleep(runtimeLimits.logSettleMs);
        yield* drain(file, position, formatter, signal);
        const following = await open(next, 'r');
        await file.close();
        file = following;
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

/** The files one after the other, from where the query begins; the last one is left to `last`. */
async function* readFiles(
  paths: readonly string[],
  query: LogQuery,
  formatter: LogFormatter,
  last: ((path: string, offset: number) => AsyncGenerator<Buffer>) | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const start = query.tailLines === undefined ? { index: 0, offset: 0 } : await tailStart(paths, query.tailLines);
  for (const [index, path] of paths.entries()) {
    if (index < start.index || formatter.isFull || signal.aborted) continue;
    const offset = index === start.index ? start.offset : 0;
    if (last && index === paths.length - 1) {
      yield* last(path, offset);
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
}

async function* follow(run: RunFiles, query: LogQuery, formatter: LogFormatter, source: LogSource, signal: AbortSignal): AsyncGenerator<Buffer> {
  const wake = new Wake();
  const folder = dirname(run.paths.at(-1) ?? '');
  // Before anything is read, so that no change falls between.
  const watcher: FSWatcher = watch(folder, wake.now);
  // The pod's folder was removed: there is nothing more to follow.
  watcher.on('error', wake.now);
  const changes = source.onChange(() => {
    wake.containersChanged = true;
    wake.now();
  });
  signal.addEventListener('abort', wake.now, { once: true });
  try {
    // Listed again, since it may have been rotated before anybody began to read.
    const paths = (await runsOf(folder)).find(({ attempt }) => attempt === run.attempt)?.paths ?? [];
    // Held open while the older files are read: a rotation meanwhile gives its name to another.
    const current = paths.at(-1);
    const file = current === undefined ? undefined : await open(current, 'r');
    const last = (path: string, offset: number): AsyncGenerator<Buffer> => {
      if (!file) throw new Error(`${path} is not open`);
      return followFile({ path, file, offset }, formatter, source, wake, signal);
    };
    try {
      yield* readFiles(paths, query, formatter, last, signal);
    } finally {
      // Closing twice is harmless; followFile may have gone on to another file.
      await file?.close().catch(() => undefined);
    }
  } finally {
    watcher.close();
    changes.close();
    signal.removeEventListener('abort', wake.now);
  }
}

/** Resolves once the log is found; the iteration ends with the container, at limitBytes, or when `signal` aborts. */
export const openLog = async (query: LogQuery, source: LogSource, signal: AbortSignal): Promise<AsyncIterable<Buffer>> => {
  const folder = source.layout.containerLogs(query.namespace, query.podName, query.podUid, query.container);
  const run = findRun(await runsOf(folder), query);
  const formatter = new LogFormatter({
    timestamps: query.timestamps,
    sinceMs: sinceMs(query, source.clock),
    limitBytes: query.limitBytes ?? Number.POSITIVE_INFINITY,
  });
  if (query.follow && !query.previous) return follow(run, query, formatter, source, signal);
  return readFiles(run.paths, query, formatter, undefined, signal);
};
