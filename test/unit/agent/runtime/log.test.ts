import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { groupLogFiles, tailStart } from '../../../../agent/runtime/log-files.ts';
import { LogFormatter } from '../../../../agent/runtime/log-format.ts';
import { parseLogLine } from '../../../../agent/runtime/log-line.ts';
import { rotatedName, superfluous } from '../../../../agent/runtime/log-rotation.ts';

const at = (second: number): string => `2026-01-01T00:00:0${second}.000000001Z`;
const format = (fields: Partial<ConstructorParameters<typeof LogFormatter>[0]>): LogFormatter =>
  new LogFormatter({ timestamps: false, sinceMs: Number.NaN, limitBytes: Number.POSITIVE_INFINITY, ...fields });

test('a line is a time, a stream, a tag and a text that may hold anything', (t) => {
  t.deepEqual(parseLogLine(Buffer.from(`${at(1)} stdout F a  b`)), { time: at(1), stream: 'stdout', partial: false, text: Buffer.from('a  b') });
  t.like(parseLogLine(Buffer.from(`${at(1)} stderr P`)), { partial: true, stream: 'stderr' });
  for (const text of ['', 'x', `${at(1)} stdin F x`, 'a b']) t.is(parseLogLine(Buffer.from(text)), undefined, text);
});

test('lines cut by a read and lines in parts come out whole, with one time each', (t) => {
  const text = `${at(1)} stdout P one \n${at(2)} stderr F err\n${at(3)} stdout F line\n`;
  for (let cut = 0; cut <= text.length; cut++) {
    const formatter = format({ timestamps: true });
    const shown = formatter.take(Buffer.from(text.slice(0, cut))).toString() + formatter.take(Buffer.from(text.slice(cut))).toString();
    t.is(shown, `${at(1)} one ${at(2)} err\nline\n`);
  }
});

test('times have nine digits, whatever zeros the runtime leaves out', (t) => {
  for (const [written, shown] of [['00.67032588Z', '00.670325880Z'], ['00Z', '00.000000000Z'], ['00.123456789Z', '00.123456789Z'], ['00.5-03:30', '00.500000000-03:30']]) {
    t.is(format({ timestamps: true }).take(Buffer.from(`2026-01-01T00:00:${written} stdout F x\n`)).toString(), `2026-01-01T00:00:${shown} x\n`);
  }
});

test('older lines are left out, and a limit is kept to the byte', (t) => {
  const text = Buffer.from(`${at(1)} stdout F old\n${at(3)} stdout F new\n`);
  t.is(format({ sinceMs: Date.parse(at(2)) }).take(text).toString(), 'new\n');
  const limited = format({ limitBytes: 5 });
  t.is(limited.take(text).toString(), 'old\nn');
  t.true(limited.isFull);
  t.is(limited.take(text).length, 0);
});

test('runs are in order, the latest first, and a run’s files oldest first', (t) => {
  const rotated = rotatedName('0.log', 5);
  t.deepEqual(groupLogFiles(['10.log', '0.log', rotated, 'other', '9.log']), [
    { attempt: 10, names: ['10.log'] },
    { attempt: 9, names: ['9.log'] },
    { attempt: 0, names: [rotated, '0.log'] },
  ]);
});

test('only the latest rotated files are kept', (t) => {
  const names = [3, 1, 2].map((time) => rotatedName('0.log', time));
  t.deepEqual(superfluous(['0.log', '1.log', ...names], '0.log', 3), [rotatedName('0.log', 1)]);
});

test('the last lines are found from the end, across files', async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/berth-log-`);
  try {
    const paths = [`${folder}/old`, `${folder}/new`];
    await writeFile(paths[0] ?? '', 'a\nbb\n');
    await writeFile(paths[1] ?? '', 'ccc\nd\n');
    t.deepEqual(await tailStart(paths, 0), { index: 1, offset: 6 });
    t.deepEqual(await tailStart(paths, 1), { index: 1, offset: 4 });
    t.deepEqual(await tailStart(paths, 2), { index: 1, offset: 0 });
    t.deepEqual(await tailStart(paths, 3), { index: 0, offset: 2 });
    t.deepEqual(await tailStart(paths, 9), { index: 0, offset: 0 });
    await writeFile(paths[1] ?? '', `${'x'.repeat(200_000)}\nlast\n`);
    t.deepEqual(await tailStart(paths, 1), { index: 1, offset: 200_001 });
    t.deepEqual(await tailStart(paths, 2), { index: 1, offset: 0 });
  } finally {
    await rm(folder, { recursive: true });
  }
});
