import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { isSafePath, writeAtomicFolder } from '../../../../agent/volumes/atomic-folder.ts';

const content = (files: Record<string, string>, mode = 0o644): Map<string, { data: Buffer; mode: number }> =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

test('files change together: one link is swapped, what went is gone, what is the same is not touched', async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/berth-atomic-`);
  try {
    t.true(await writeAtomicFolder(folder, content({ a: '1', 'sub/b': '2' }), 'v1'));
    t.deepEqual((await readdir(folder)).sort(), ['..data', '..v1', 'a', 'sub']);
    t.is(await readlink(`${folder}/a`), '..data/a');
    t.is(await readFile(`${folder}/sub/b`, 'utf8'), '2');
    t.false(await writeAtomicFolder(folder, content({ a: '1', 'sub/b': '2' }), 'v2'));
    t.is(await readlink(`${folder}/..data`), '..v1');
    t.true(await writeAtomicFolder(folder, content({ c: '3' }, 0o600), 'v3'));
    t.deepEqual((await readdir(folder)).sort(), ['..data', '..v3', 'c']);
    t.is((await lstat(`${folder}/..data/c`)).mode & 0o777, 0o600);
    t.true(await writeAtomicFolder(folder, content({ c: '3' }, 0o640), 'v4'), 'another mode is a change');
    t.true(await writeAtomicFolder(folder, content({}), 'v5'));
    t.deepEqual((await readdir(folder)).sort(), ['..data', '..v5']);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what an agent did not come to that was killed while it wrote is made up for', async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/berth-atomic-`);
  try {
    await writeAtomicFolder(folder, content({ a: '1', old: '1' }), 'v1');
    // Killed before the swap.
    await mkdir(`${folder}/..v2/sub`, { recursive: true });
    await symlink('..v2', `${folder}/..data_tmp`);
    t.false(await writeAtomicFolder(folder, content({ a: '1', old: '1' }), 'v3'));
    t.deepEqual((await readdir(folder)).sort(), ['..data', '..v1', 'a', 'old']);
    // Killed right after it.
    await writeAtomicFolder(folder, content({ a: '1', b: '2' }), 'v4');
    await rm(`${folder}/b`);
    await symlink('..data/old', `${folder}/old`);
    await mkdir(`${folder}/..v1`);
    t.false(await writeAtomicFolder(folder, content({ a: '1', b: '2' }), 'v5'));
    t.deepEqual((await readdir(folder)).sort(), ['..data', '..v4', 'a', 'b']);
    t.is(await readFile(`${folder}/b`, 'utf8'), '2');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('paths that would leave the folder are not safe', (t) => {
  for (const path of ['a', 'a/b', 'a..b']) t.true(isSafePath(path), path);
  for (const path of ['', '/a', '../a', 'a/../b', '..data']) t.false(isSafePath(path), path);
});
