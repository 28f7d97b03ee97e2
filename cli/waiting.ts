/** Waiting for something while showing how it stands, with an end: done, too late, or Ctrl-C. */
import type { Program } from './program.ts';
import type { Terminal } from './local/progress.ts';
import { printable } from './terminal-text.ts';

/** A wait that took longer than it may. */
export class TooLate extends Error {
  override readonly name = 'TooLate';
}

/** One line that is written over on a terminal; elsewhere each new text is a line of its own. */
export class LiveLine {
  readonly #terminal: Terminal;
  readonly #columns: number;
  readonly #mark: string;
  #shown = '';

  constructor(terminal: Terminal, columns: number, isColoured: boolean) {
    this.#terminal = terminal;
    this.#columns = columns;
    this.#mark = isColoured ? '\u001b[36m…\u001b[0m' : '…';
  }

  show(words: string): void {
    const text = printable(words);
    if (text === this.#shown) return;
    this.#shown = text;
    if (!this.#terminal.isTerminal) this.#terminal.write(`${text}\n`);
    else this.#terminal.write(`\r\u001b[K${this.#mark} ${text.length > this.#columns - 3 ? `${text.slice(0, this.#columns - 4)}…` : text}`);
  }

  /** Takes the line away; to be called whatever happens. */
  clear(): void {
    if (this.#terminal.isTerminal && this.#shown !== '') this.#terminal.write('\r\u001b[K');
    this.#shown = '';
  }
}

/** For a program's stderr, in the width of its terminal. */
export const liveLine = (program: Program): LiveLine => new LiveLine(program.stderr, program.columns, program.isColoured);

export interface Limits {
  /** Undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** What TooLate says. */
  readonly lateText: () => string;
}

/**
 * Runs `work` with a signal that aborts on Ctrl-C, after `timeoutMs` and when `work` is done, so that whatever it started ends
 * with it. Throws what `work` throws, TooLate, or the signal's reason on Ctrl-C.
 */
export const withLimits = async <T>(program: Program, { timeoutMs, lateText }: Limits, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
  const stop = new AbortController();
  let late = false;
  const onInterrupt = (): void => stop.abort(program.signal.reason);
  program.signal.addEventListener('abort', onInterrupt, { once: true });
  if (program.signal.aborted) onInterrupt();
  const timer = timeoutMs === undefined ? undefined : program.clock.after(timeoutMs, () => {
    late = true;
    stop.abort();
  });
  const check = (): void => {
    program.signal.throwIfAborted();
    if (late) throw new TooLate(lateText());
  };
  try {
    const result = await work(stop.signal);
    check();
    return result;
  } catch (error) {
    check();
    throw error;
  } finally {
    timer?.cancel();
    program.signal.removeEventListener('abort', onInterrupt);
    stop.abort();
  }
};
