import test from 'ava';
import { createProgress } from '../../../../cli/local/progress.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const screen = (isTerminal: boolean): { text: string; isTerminal: boolean; write(text: string | Uint8Array): void } => ({
  text: '',
  isTerminal,
  write(text) {
    this.text += String(text);
  },
});

const gate = (): { open: () => void; passed: Promise<void> } => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, passed: promise };
};

test('steps that run side by side are told as they end, and those that still run are the last line', async (t) => {
  const terminal = screen(true);
  const progress = createProgress(terminal, new ManualClock());
  const [one, two] = [gate(), gate()];
  const both = [progress.step('one', () => one.passed), progress.step('two', () => two.passed)];
  t.true(terminal.text.endsWith('\u001b[36m…\u001b[0m one, two'));
  two.open();
  await both[1];
  t.true(terminal.text.includes('\u001b[K\u001b[32m✓\u001b[0m two '));
  t.true(terminal.text.endsWith('\n\u001b[36m…\u001b[0m one'));
  one.open();
  await both[0];
  t.true(terminal.text.endsWith('\n'));
});

test('a script sees one line for each step, a failed one too', async (t) => {
  const terminal = screen(false);
  const progress = createProgress(terminal, new ManualClock());
  await progress.step('one', async (note) => note('as before'));
  await t.throwsAsync(progress.step('two', () => Promise.reject(new Error('no'))), { message: 'no' });
  t.deepEqual(terminal.text.split('\n').map((line) => line.replaceAll(/ +/g, ' ')), ['✓ one 0.0s as before', '✗ two 0.0s', '']);
});
