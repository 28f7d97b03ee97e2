import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test from 'ava';
import { Layout } from '../../../../agent/runtime/layout.ts';

test('what pods have on the disk is not for all users of the host: secrets are among it', async (t) => {
  const root = await mkdtemp(`${tmpdir()}/berth-layout-`);
  t.teardown(() => rm(root, { recursive: true }));
  const layout = new Layout(root);
  // Made by an agent from before.
  await mkdir(layout.pods, { mode: 0o755 });
  await layout.make();
  t.is((await stat(layout.pods)).mode & 0o007, 0);
});
