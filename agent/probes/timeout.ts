/** A bound on the time of one piece of work. */
import type { Clock } from '../../proto/process/clock.ts';

export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

/** Runs `work` with a signal that aborts after `timeoutMs`; rejects then with TimeoutError, whatever the work does. */
export const within = async <T>(
  clock: Clock,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> => {
  const controller = new AbortController();
  const stop = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) throw signal.reason as Error;
  signal?.addEventListener('abort', stop, { once: true });
  const timer = clock.after(timeoutMs, () => controller.abort(new TimeoutError(`no answer within ${timeoutMs} ms`)));
  const aborted = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as Error), { once: true });
  });
  try {
    return await Promise.race([work(controller.signal), aborted]);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', stop);
  }
};
