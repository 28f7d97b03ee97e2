import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import test, { type ExecutionContext } from 'ava';
import { NodeObjectStore } from '../../../../agent/node-objects.ts';
import { Layout } from '../../../../agent/runtime/layout.ts';
import { Volumes } from '../../../../agent/volumes/volumes.ts';
import { silentLog } from '../../../../proto/process/log.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { makeContainer, makePod } from '../../../fixtures/pod-lab.ts';

const lab = async (t: ExecutionContext) => {
  const root = await mkdtemp(`${tmpdir()}/berth-volumes-`);
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const layout = new Layout(root);
  const node = { nodeName: 'node-1', hostIp: '192.0.2.1', allocatable: { cpuMilli: 1, memoryBytes: 1, ephemeralStorageBytes: 1 } };
  return { layout, volumes: new Volumes({ layout, objects: new NodeObjectStore(), node, random: seededRandom(1), log: silentLog }) };
};

test('an emptyDir that could not be finished is not taken for one that is', async (t) => {
  const { layout, volumes } = await lab(t);
  const pod = (fsGroup?: number) => makePod({ securityContext: fsGroup === undefined ? {} : { fsGroup }, volumes: [{ name: 'data', emptyDir: {} }] });
  const noGroup = 2 ** 32;
  for (let time = 0; time < 2; time += 1) await t.throwsAsync(volumes.prepare(pod(noGroup)), { instanceOf: RangeError });
  await volumes.prepare(pod());
  t.deepEqual(await readdir(`${layout.pod('uid-1')}/volumes`), ['data']);
  t.is((await stat(layout.volume('uid-1', 'data'))).mode & 0o777, 0o777);
});

test('containers do not write to what is made of objects, and to an emptyDir as they like', async (t) => {
  const { volumes } = await lab(t);
  const names = ['settings', 'about', 'both', 'data', 'shown'];
  const container = makeContainer('app', { volumeMounts: names.map((name) => ({ name, mountPath: `/${name}`, readOnly: name === 'shown' })) });
  const pod = makePod({
    containers: [container],
    volumes: [
      { name: 'settings', configMap: { name: 'absent', optional: true } }, { name: 'about', downwardAPI: { items: [] } }, { name: 'both', projected: { sources: [] } },
      { name: 'data', emptyDir: {} }, { name: 'shown', emptyDir: {} },
    ],
  });
  const mounts = await volumes.mounts(pod, container, new Map());
  t.deepEqual(mounts.map(({ readonly }) => readonly), [true, true, true, false, true]);
});
