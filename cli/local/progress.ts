/** Shows each step of something that takes a while, with its time; on a terminal the running step is shown too. */
import type { Clock } from '../../proto/process/clock.ts';

export interface Terminal {
  write(text: string | Uint8Array): void;
  readonly isTerminal: boolean;
}

export interface Progress {
  /** Runs `work` as a step; its note is shown behind the title. Steps may run side by side. */
  step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T>;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`;

export const createProgress = (terminal: Terminal, clock: Clock): Progress => {
  const paint = (code: number, text: string): string => (terminal.isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);
  /** Each running step's title, in the order of their start. */
  const running = new Map<object, string>();
  /** On a terminal the last line names what runs. */
  const show = (finished = ''): void => {
    if (!terminal.isTerminal) return void (finished && terminal.write(finished));
    const current = [...running.values()].join(', ');
    terminal.write(`\r\u001b[K${finished}${current ? `${paint(36, '…')} ${current}` : ''}`);
  };
  return {
    async step(title, work) {
      const startedMs = clock.monotonicMs();
      let noted = '';
      const step = {};
      running.set(step, title);
      show();
      const finish = (mark: string): void => {
        const took = paint(2, seconds(clock.monotonicMs() - startedMs).padStart(6));
        running.delete(step);
        show(`${mark} ${title.padEnd(34)} ${took}${noted ? `  ${noted}` : ''}\n`);
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
