/** What a command gets from the program that runs it: the outside world, handed in so that tests can own it. */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../proto/process/clock.ts';
import type { Terminal } from './local/progress.ts';

export interface Program {
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Results; what a pipe receives. */
  readonly stdout: Terminal;
  /** Progress, warnings and errors. */
  readonly stderr: Terminal;
  /** The bytes beneath, for what talks to a command in a container; stdin may be a terminal. */
  readonly streams: { readonly stdin: Readable & Partial<Pick<NodeJS.ReadStream, 'isTTY' | 'setRawMode'>>; readonly stdout: Writable & Partial<Pick<NodeJS.WriteStream, 'columns' | 'rows'>>; readonly stderr: Writable };
  /** Whether stderr takes colours: a terminal, and nobody set NO_COLOR. */
  readonly isColoured: boolean;
  /** Resolves when whoever reads stdout has taken what was written, so that little is held here. */
  flushed(): Promise<void>;
  /** Width of the terminal. */
  readonly columns: number;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
}
