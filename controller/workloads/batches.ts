/** Doing many writes at once, but never all of them. */
import { slowStartInitial } from '../limits.ts';

/** Runs `task` for every item, at most `concurrencyMax` at a time. Rejects with the first failure after all started ones have ended. */
export const forEachBounded = async <T>(
  items: readonly T[],
  concurrencyMax: number,
  task: (item: T) => Promise<unknown>,
): Promise<void> => {
  let next = 0;
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0) {
      const item = items[next++] as T;
      try {
        await task(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrencyMax, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
};

/**
 * Runs `task` `count` times in batches of 1, 2, 4, … and stops after the first batch with a failure, so that what
 * cannot succeed (a quota, a webhook) costs one call and not `count` (as Kubernetes' slowStartBatch).
 * Resolves to the number of successes and the first failure.
 */
export const slowStart = async (
  count: number,
  task: () => Promise<unknown>,
): Promise<{ readonly succeeded: number; readonly failure: unknown }> => {
  let succeeded = 0;
  let batch = slowStartInitial;
  for (let remaining = count; remaining > 0; ) {
    const size = Math.min(batch, remaining);
    const outcomes = await Promise.allSettled(Array.from({ length: size }, task));
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    succeeded += size - failed.length;
    if (failed[0] !== undefined) return { succeeded, failure: failed[0].reason };
    remaining -= size;
    batch *= 2;
  }
  return { succeeded, failure: undefined };
};
