/** Shows each step of something that takes a while, with its time; on a terminal the running step is shown too. */
import type { Clock } from '../../proto/process/clock.ts';

export interface Terminal {
  write(text: string | Uint8Array): void;
  readonly isTerminal: boolean;
}

export interface Progress {
  /** Runs `work` as a step; its string result is shown behind the title. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`;

export const createProgress = (terminal: Terminal, clock: Clock): Progress => {
  const paint = (code: number, text: string): string => (terminal.isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    async step(title, work) {
      const startedMs = clock.monotonicMs();
      let noted = '';
      if (terminal.isTerminal) terminal.write(`${paint(36, '…')} ${title}`);
      const finish = (mark: string): void => {
        const took = paint(2, seconds(clock.monotonicMs() - startedMs).padStart(6));
        terminal.write(`${terminal.isTerminal ? '\r\u001b[K' : ''}${mark} ${title.padEnd(34)} ${took}${noted ? `  ${noted}` : ''}\n`);
      };
      try {
        const result = await work((text) => {
          noted = text;
        });
        finish(paint(32, '✓'));
        return result;
      } catch (error) {
        finish(paint(31, '✗'));
        throw error;
      }
    },
  };
};
