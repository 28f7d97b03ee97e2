import { mkdir, mkdtemp, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { RuntimeFailure } from '../../../../agent/runtime/runtime.ts';
import { openInside } from '../../../../agent/volumes/sub-path.ts';

test('a subPath ends up inside of its volume, or nowhere', async (t) => {
  const folder = await mkdtemp(`${tmpdir()}/berth-subpath-`);
  const volume = `${folder}/volume`;
  const where = async (subPath: string): Promise<string> => {
    const handle = await openInside(volume, subPath);
    try {
      return await readlink(`/proc/self/fd/${handle.fd}`);
    } finally {
      await handle.close();
    }
  };
  try {
    await mkdir(`${volume}/real/deep`, { recursive: true });
    await writeFile(`${volume}/real/file`, 'x');
    await symlink('real', `${volume}/link`);
    await symlink(folder, `${volume}/out`);
    await symlink('../../..', `${volume}/real/up`);
    t.is(await where('real/deep'), `${volume}/real/deep`);
    t.is(await where('link/file'), `${volume}/real/file`);
    t.is(await where('link/new/folders'), `${volume}/real/new/folders`);
    for (const subPath of ['out', 'out/new', 'real/up', '../other', '/etc', 'real/../../x']) {
      await t.throwsAsync(where(subPath), { instanceOf: RuntimeFailure }, subPath);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
