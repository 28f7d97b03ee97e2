/** Waiting until something of a local cluster serves, with what to look at when it does not. */
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Clock } from '../../proto/process/clock.ts';

/** Something did not come up in time; `log` is where it says why. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const readyTimeoutMs = 60_000;
const pollMs = 50;
/** One that has taken the connection and says nothing is not ready. */
const attemptTimeoutMs = 5_000;
const lineCharactersMax = 300;

/** The log's last words, for an error of one line. */
const lastLine = (log: string): string => {
  const line = existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n').at(-1) : undefined;
  return line ? ` (its last line: ${line.slice(0, lineCharactersMax)})` : '';
};

export interface Waiting {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Asks again and again until it is so; `isSo` is told by its signal when to give an attempt up. Throws NotReady, the signal's reason. */
export const until = async (what: string, log: string, { clock, signal }: Waiting, isSo: (attempt: AbortSignal) => Promise<boolean>): Promise<void> => {
  const deadlineMs = clock.monotonicMs() + readyTimeoutMs;
  while (!(await isSo(AbortSignal.any([signal, AbortSignal.timeout(attemptTimeoutMs)])))) {
    if (clock.monotonicMs() > deadlineMs) throw new NotReady(`${what} did not come up within ${readyTimeoutMs / 1000} s; ${log} says why${lastLine(log)}`);
    await clock.sleep(pollMs, signal);
  }
};

export const accepts = (port: number, host = '127.0.0.1'): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

export const answers = (request: Promise<unknown>): Promise<boolean> =>
  request.then(
    () => true,
    () => false,
  );
