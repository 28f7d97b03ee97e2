import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { status } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { type Cri, CriError } from '../../../../agent/runtime/cri.ts';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../../../../agent/runtime/labels.ts';
import { Layout } from '../../../../agent/runtime/layout.ts';
import { LogRotation, rotatedName } from '../../../../agent/runtime/log-rotation.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

/** One running container, of which containerd keeps the log; `reopen` is what it does when it is told to begin the file anew. */
const lab = async (t: ExecutionContext) => {
  const root = await mkdtemp(`${tmpdir()}/berth-rotation-`);
  t.teardown(() => rm(root, { recursive: true }));
  const layout = new Layout(root);
  const folder = layout.containerLogs('default', 'web', 'uid-1', 'app');
  await mkdir(folder, { recursive: true });
  const labels = { [containerNameLabel]: 'app', [podNameLabel]: 'web', [podNamespaceLabel]: 'default', [podUidLabel]: 'uid-1' };
  const own = { folder, reopen: () => writeFile(`${folder}/0.log`, '', { flag: 'a' }) };
  const call = async (method: string): Promise<unknown> =>
    method === 'ListContainers' ? { containers: [{ id: 'c', state: 'CONTAINER_RUNNING', labels, metadata: { name: 'app', attempt: 0 } }] } : own.reopen();
  const clock = new ManualClock(5);
  return { own, rotation: new LogRotation({ cri: { call } as unknown as Cri, layout, clock, log: silentLog, fileBytesMax: 10 }) };
};

test('a log is begun anew at its size, and goes on under its name where containerd does not do it', async (t) => {
  const { own, rotation } = await lab(t);
  await writeFile(`${own.folder}/0.log`, 'short');
  t.deepEqual(await rotation.rotate(), []);
  await writeFile(`${own.folder}/0.log`, 'long enough');
  const { reopen } = own;
  own.reopen = () => Promise.reject(new CriError('ReopenContainerLog', status.UNAVAILABLE, 'away'));
  t.deepEqual(await rotation.rotate(), []);
  t.deepEqual(await readdir(own.folder), ['0.log']);
  own.reopen = reopen;
  t.deepEqual(await rotation.rotate(), [`${own.folder}/0.log`]);
  t.deepEqual((await readdir(own.folder)).sort(), ['0.log', rotatedName('0.log', 5)]);
});

test('a rotation that an agent was killed in is brought to its end', async (t) => {
  const { own, rotation } = await lab(t);
  await writeFile(`${own.folder}/${rotatedName('0.log', 1)}`, 'the container still writes here');
  await rotation.rotate();
  t.deepEqual((await readdir(own.folder)).sort(), ['0.log', rotatedName('0.log', 1)]);
});
