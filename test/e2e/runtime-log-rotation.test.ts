import { readdirSync } from 'node:fs';
import test from 'ava';
import { Cri } from '../../agent/runtime/cri.ts';
import { Layout } from '../../agent/runtime/layout.ts';
import { LogRotation } from '../../agent/runtime/log-rotation.ts';
import { ImageGc } from '../../agent/runtime/image-gc.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { until } from '../fixtures/child.ts';
import { type RuntimeFixture, startRuntime } from '../fixtures/containerd-runtime.ts';

let fixture: RuntimeFixture;

test.before(async () => {
  fixture = await startRuntime();
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

test('image garbage collection sees what is in use, and the real disk', async (t) => {
  const running = await fixture.run(fixture.pod('using', {}));
  const cri = new Cri(fixture.containerd.socket, Date.now);
  const gc = new ImageGc({ cri, clock: systemClock, log: silentLog });
  await gc.collect();
  const { images } = await cri.call('ListImages', {});
  t.true(images.some(({ repo_tags }) => repo_tags.includes(fixture.containerd.busybox)), 'what is in use stays');
  await until('usage is told', async () => (await cri.call('ListContainerStats', {})).stats.some(({ attributes }) => attributes.id === running.ids[0]));
  const { status } = await cri.call('Status', {});
  t.deepEqual(status?.conditions.map(({ type, status: is }) => [type, is]), [['RuntimeReady', true], ['NetworkReady', true]]);
  cri.close();
  await fixture.end(running);
});
