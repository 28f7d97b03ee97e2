/** Waits until CRI shows what an event of containerd has said. */
import type { Clock } from '../../proto/process/clock.ts';
import { criLimits } from '../limits.ts';

/**
 * Asks until it is so, or has not become so for `exitShownTimeoutMs`. At first in milliseconds, then, as a busy containerd may take many
 * seconds, each time after a part of what was waited so far: it is heard of soon after it is so, and asking stays cheap.
 */
export const untilShown = async (isShown: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<void> => {
  const { exitAskDelayMsMin, exitAskDelaySoonMsMax, exitAskDelayMsMax, exitAskWaitedRatio, exitShownTimeoutMs } = criLimits;
  const beganMs = clock.monotonicMs();
  let delayMs: number = exitAskDelayMsMin;
  for (;;) {
    if (await isShown()) return;
    const waitedMs = clock.monotonicMs() - beganMs;
    if (waitedMs >= exitShownTimeoutMs || signal.aborted) return;
    await clock.sleep(delayMs, signal).catch(() => undefined);
    delayMs = Math.min(Math.max(Math.min(delayMs * 2, exitAskDelaySoonMsMax), waitedMs * exitAskWaitedRatio), exitAskDelayMsMax);
  }
};
