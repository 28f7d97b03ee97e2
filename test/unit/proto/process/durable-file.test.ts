import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { writeDurably } from '../../../../proto/process/durable-file.ts';

test('a file is replaced whole, with nothing beside it, and is its owner’s alone', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-durable-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'key');
  // Left by a run that was cut off.
  writeFileSync(`${file}.new`, 'unfinished, and longer than what follows');
  for (const text of ['first', 'second']) {
    writeDurably(file, text);
    t.is(readFileSync(file, 'utf8'), text);
    t.is(statSync(file).mode & 0o777, 0o600);
  }
  t.deepEqual(readdirSync(dir), ['key']);
  writeDurably(file, Buffer.from('third'), 0o644);
  t.is(statSync(file).mode & 0o777, 0o644);
  t.throws(() => writeDurably(join(dir, 'absent', 'key'), 'x'));
});
