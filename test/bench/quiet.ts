/** Waits for a quiet machine: removed pods keep the kernel and containerd busy for a while, at the cost of whoever is measured next. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../../proto/process/clock.ts';

const sampleMs = 1_000;
/** Of all processors together. */
const busyMax = 0.1;
const quietSamples = 3;
const waitMaxMs = 90_000;

/** Ticks of all processors since the machine started. */
const processorTime = (): { busy: number; all: number } => {
  const ticks = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, each) => sum + each, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
};

/** Resolves when the processors have done next to nothing for some seconds, or to false when they never did. */
export const quiet = async (): Promise<boolean> => {
  const deadlineMs = systemClock.monotonicMs() + waitMaxMs;
  let before = processorTime();
  for (let inRow = 0; inRow < quietSamples; ) {
    if (systemClock.monotonicMs() > deadlineMs) return false;
    await systemClock.sleep(sampleMs);
    const now = processorTime();
    inRow = (now.busy - before.busy) / (now.all - before.all) <= busyMax ? inRow + 1 : 0;
    before = now;
  }
  return true;
};
