/** The wait for a rollout as a person sees it: a line that moves on a terminal, a line for each change elsewhere. */
import { type RolloutWait, waitForRollout } from './rollout-wait.ts';
import { displayName } from './selection.ts';
import { liveLine } from './waiting.ts';

/** Throws RolloutStuck, TooLate, ApiError. */
export const showRollout = async (rollout: Omit<RolloutWait, 'onState'>): Promise<void> => {
  const { program, kind, name } = rollout;
  const line = liveLine(program);
  const title = displayName(kind, name);
  const startedMs = program.clock.monotonicMs();
  try {
    const { short } = await waitForRollout({
      ...rollout,
      onState: (state, trouble) => {
        if (state.phase === 'going') line.show(`${title}  ${state.short}${trouble ? `  ${trouble}` : ''}`);
      },
    });
    line.clear();
    const took = `${((program.clock.monotonicMs() - startedMs) / 1000).toFixed(1)}s`;
    program.stderr.write(program.isColoured ? `\u001b[32m✓\u001b[0m ${title}  ${short}  \u001b[2m${took}\u001b[0m\n` : `${title}  ${short}  ${took}\n`);
  } finally {
    line.clear();
  }
};
