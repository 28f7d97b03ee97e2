import { randomBytes } from 'node:crypto';
import { readdirSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { runtimeLimits } from '../../agent/limits.ts';
import { Cri } from '../../agent/runtime/cri.ts';
import { Layout } from '../../agent/runtime/layout.ts';
import { LogRotation } from '../../agent/runtime/log-rotation.ts';
import { ImageGc } from '../../agent/runtime/image-gc.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { until } from '../fixtures/child.ts';
import { type RuntimeFixture, startRuntime } from '../fixtures/containerd-runtime.ts';
import { largeImage, pauseImage } from '../fixtures/images.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';

/** Images and snapshots are on a disk of this size, so that it can be filled. */
const diskBytes = 96 * 2 ** 20;
const largeBytes = 8 * 2 ** 20;
let fixture: RuntimeFixture;

test.before(async () => {
  fixture = await startRuntime({ diskBytes });
});

test.after.always(async () => {
  await fixture?.stop();
});

test('a log that is rotated while it is followed loses and repeats no line', async (t) => {
  const linesMax = 3000;
  const script = `i=0; while [ $i -lt ${linesMax} ]; do i=$((i+1)); echo $i; [ $((i % 100)) = 0 ] && sleep 0.02; done; until [ -e /tmp/go ]; do sleep 0.05; done`;
  const running = await fixture.run(fixture.pod('chatty', { command: ['sh', '-c', script] }));
  const cri = new Cri(fixture.containerd.socket, Date.now);
  const layout = new Layout(fixture.containerd.rootDir);
  const rotation = new LogRotation({ cri, layout, clock: systemClock, log: silentLog, fileBytesMax: 8000 });
  const query = { podUid: running.uid, namespace: 'default', podName: 'chatty', container: 'main', previous: false, timestamps: false };
  const stream = await fixture.runtime().log({ ...query, follow: true }, AbortSignal.timeout(30_000));
  let rotations = 0;
  let text = '';
  let rotatedAt = 0;
  for await (const chunk of stream) {
    text += chunk.toString();
    // Not faster than it is read, or files would be deleted unread: only a few are kept.
    if (text.length - rotatedAt > 1000) {
      const rotated = await rotation.rotate();
      if (rotated.length > 0) rotatedAt = text.length;
      rotations += rotated.length;
    }
    if (text.endsWith(`\n${linesMax}\n`)) await fixture.sh(running, 'touch /tmp/go');
  }
  const numbers = text.trim().split('\n').map(Number);
  t.deepEqual(numbers, Array.from({ length: linesMax }, (_, index) => index + 1));
  t.true(rotations > 1, `${rotations} rotations`);
  t.true(readdirSync(layout.containerLogs('default', 'chatty', running.uid, 'main')).length <= 5);
  cri.close();
  await fixture.end(running);
});

const usedBytes = (path: string): number => {
  const { blocks, bavail, bsize } = statfsSync(path);
  return (blocks - bavail) * bsize;
};

test('when the disk is full the image that was unused for longest goes, and its room is free; what is in use stays', async (t) => {
  const { containerd } = fixture;
  const file = join(containerd.rootDir, 'large');
  const push = async (name: string): Promise<string> => {
    writeFileSync(file, randomBytes(largeBytes));
    return containerd.push(largeImage(name, file, containerd.registry));
  };
  const [longest, recent] = [await push('longest:1'), await push('recent:1')];
  const using = await fixture.run(fixture.pod('using', {}));
  await fixture.runtime().pullImage(fixture.pod('puller', { image: longest }), { name: 'main', image: longest }, AbortSignal.timeout(20_000));
  const user = await fixture.run(fixture.pod('user', { image: recent }));

  const cri = new Cri(containerd.socket, Date.now);
  const clock = new ManualClock();
  const gc = new ImageGc({ cri, clock, log: silentLog });
  const present = async (): Promise<string[]> => (await cri.call('ListImages', {})).images.flatMap(({ repo_tags }) => repo_tags);
  t.deepEqual(await gc.collect(), []);
  await clock.advance(1);
  t.deepEqual(await gc.collect(), []);
  await fixture.end(user);
  await clock.advance(runtimeLimits.imageUnusedAgeMsMin);
  t.deepEqual(await gc.collect(), [], 'the disk is not full');

  // So that one of the two is enough.
  const wantedBytes = (diskBytes * (runtimeLimits.imageGcHighPercent + 1)) / 100;
  writeFileSync(join(containerd.diskDir, 'full'), Buffer.alloc(wantedBytes - usedBytes(containerd.diskDir)));
  const beforeBytes = usedBytes(containerd.diskDir);
  t.is((await gc.collect()).length, 1);
  const left = await present();
  t.false(left.includes(longest));
  t.deepEqual([recent, containerd.busybox, `${containerd.registry}/${pauseImage.name}`].filter((tag) => !left.includes(tag)), []);
  t.true(beforeBytes - usedBytes(containerd.diskDir) >= largeBytes, 'what it took on the disk is free');
  t.deepEqual(await gc.collect(), [], 'there is room now');
  t.is(await fixture.sh(using, 'echo on'), 'on');
  cri.close();
  await fixture.end(using);
});

test('usage and conditions are told', async (t) => {
  const running = await fixture.run(fixture.pod('measured', {}));
  const cri = new Cri(fixture.containerd.socket, Date.now);
  await until('usage is told', async () => (await cri.call('ListContainerStats', {})).stats.some(({ attributes }) => attributes.id === running.ids[0]));
  const { status } = await cri.call('Status', {});
  t.deepEqual(status?.conditions.map(({ type, status: is }) => [type, is]), [['RuntimeReady', true], ['NetworkReady', true]]);
  cri.close();
  await fixture.end(running);
});
