import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ArchiveBroken, openArchive, writeArchive } from '../../../../cli/backup/archive.ts';

const about = { createdAt: '2026-05-01T00:00:00Z', berth: '0.1.0' };
const large = Buffer.alloc(300_000, 'snapshot\n');

const start = async (t: ExecutionContext): Promise<{ dir: string; file: string }> => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-archive-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'large'), large);
  const file = join(dir, 'archive');
  const size = await writeArchive(file, about, [
    { name: 'etcd.snapshot', from: { file: join(dir, 'large') } }, { name: 'empty', from: Buffer.alloc(0) }, { name: 'pki/ca.crt', from: Buffer.from('authority') },
  ]);
  t.is(size, statSync(file).size);
  return { dir, file };
};

test('what was written is read again, by the owner of the file alone', async (t) => {
  const { dir, file } = await start(t);
  t.is(statSync(file).mode & 0o777, 0o600);
  const archive = await openArchive(file);
  t.deepEqual(archive.about, about);
  t.deepEqual(archive.parts.map(({ name, bytes }) => [name, bytes]), [['etcd.snapshot', large.length], ['empty', 0], ['pki/ca.crt', 9]]);
  t.is((await archive.read('pki/ca.crt')).toString(), 'authority');
  t.is((await archive.read('empty')).length, 0);
  await archive.extract('etcd.snapshot', join(dir, 'extracted'));
  t.true(readFileSync(join(dir, 'extracted')).equals(large));
  t.is(statSync(join(dir, 'extracted')).mode & 0o777, 0o600);
  await archive.extract('empty', join(dir, 'nothing'));
  t.is(statSync(join(dir, 'nothing')).size, 0);
  await t.throwsAsync(archive.read('other'), { instanceOf: ArchiveBroken });
});

test('a file that is cut anywhere is refused', async (t) => {
  const { dir, file } = await start(t);
  const whole = readFileSync(file);
  const cut = join(dir, 'cut');
  for (const length of [0, 5, 13, 100_000, whole.length - 600, whole.length - 82, whole.length - 40, whole.length - 1]) {
    writeFileSync(cut, whole.subarray(0, length));
    await t.throwsAsync(openArchive(cut), { instanceOf: ArchiveBroken }, `${length} bytes`);
  }
});

test('a file with one byte changed anywhere is refused', async (t) => {
  const { dir, file } = await start(t);
  const whole = readFileSync(file);
  const damaged = join(dir, 'damaged');
  for (const at of [0, 13, 150_000, 300_015, whole.length - 300, whole.length - 83, whole.length - 82, whole.length - 50, whole.length - 1]) {
    const bytes = Buffer.from(whole);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(damaged, bytes);
    await t.throwsAsync(openArchive(damaged), { instanceOf: ArchiveBroken }, `byte ${at}`);
  }
});

test('files that are none of ours are told apart: another content, a folder, nothing at all', async (t) => {
  const { dir } = await start(t);
  for (const [path, message] of [[join(dir, 'large'), /is no backup/], [dir, /is no file/], [join(dir, 'absent'), /there is no file/]] as const) {
    await t.throwsAsync(openArchive(path), { instanceOf: ArchiveBroken, message });
  }
});

test('a write that fails leaves nothing, and what was there before as it was', async (t) => {
  const { dir, file } = await start(t);
  const before = readFileSync(file);
  await t.throwsAsync(writeArchive(file, about, [{ name: 'a', from: Buffer.from('a') }, { name: 'b', from: { file: join(dir, 'absent') } }]));
  t.true(readFileSync(file).equals(before));
  t.throws(() => statSync(`${file}.new`));
});
