import { PassThrough } from 'node:stream';
import test from 'ava';
import type { Program } from '../../../cli/program.ts';
import { LiveLine, TooLate, withLimits } from '../../../cli/waiting.ts';
import { ManualClock } from '../../fixtures/manual-clock.ts';

const never = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off')), { once: true }));

const programWith = (clock: ManualClock, signal = new AbortController().signal): Program => {
  const terminal = { write: () => undefined, isTerminal: false };
  const streams = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  return { clock, env: {}, streams, stdout: terminal, stderr: terminal, isColoured: false, columns: 80, flushed: async () => undefined, signal };
};

test('a wait ends with its result, and what it started ends with it', async (t) => {
  let inner: AbortSignal | undefined;
  const result = await withLimits(programWith(new ManualClock()), { timeoutMs: 1000, lateText: () => 'late' }, async (signal) => {
    inner = signal;
    return 7;
  });
  t.is(result, 7);
  t.true(inner?.aborted);
});

test('a wait that is too late says how it stood then', async (t) => {
  const clock = new ManualClock();
  let stands = 'nothing';
  const waiting = withLimits(programWith(clock), { timeoutMs: 1000, lateText: () => `too late, with ${stands}` }, never);
  stands = 'something';
  void clock.advance(1000);
  await t.throwsAsync(waiting, { instanceOf: TooLate, message: 'too late, with something' });
});

test('what merely stops when it is cut off is too late all the same', async (t) => {
  const clock = new ManualClock();
  const waiting = withLimits(programWith(clock), { timeoutMs: 1000, lateText: () => 'late' }, (signal) => never(signal).catch(() => 'stopped'));
  void clock.advance(1000);
  await t.throwsAsync(waiting, { instanceOf: TooLate });
});

test('Ctrl-C ends a wait with its own reason', async (t) => {
  const interrupted = new AbortController();
  const waiting = withLimits(programWith(new ManualClock(), interrupted.signal), { timeoutMs: undefined, lateText: () => 'late' }, never);
  interrupted.abort(new Error('interrupted'));
  await t.throwsAsync(waiting, { message: 'interrupted' });
});

const shownOn = (isTerminal: boolean, columns: number, ...texts: string[]): string => {
  let out = '';
  const line = new LiveLine({ write: (text) => { out += String(text); }, isTerminal }, columns, false);
  for (const text of texts) line.show(text);
  line.clear();
  return out;
};

test('elsewhere than on a terminal each change is a line, once', (t) => {
  t.is(shownOn(false, 80, '1/3', '1/3', '2/3'), '1/3\n2/3\n');
});

test('on a terminal the line is written over, never longer than the terminal is wide, and taken away', (t) => {
  t.is(shownOn(true, 12, '1/3', 'a rather long text'), '\r\u001b[K… 1/3\r\u001b[K… a rather…\r\u001b[K');
});
