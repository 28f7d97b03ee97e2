import test from 'ava';
import type { CriContainerStats } from '../../../agent/runtime/cri-messages.ts';
import { busyNanoseconds, hostReading, UsageMeter } from '../../../agent/usage-meter.ts';
import { usageWindowMsMax, usageWindowMsMin } from '../../../agent/limits.ts';
import { ManualClock, settle } from '../../fixtures/manual-clock.ts';

const statsOf = (id: string, atSeconds: number, cpuSeconds: number): CriContainerStats => ({
  attributes: { id, metadata: { name: 'main', attempt: 0 }, labels: { 'io.kubernetes.pod.uid': 'u', 'io.kubernetes.container.name': 'main' } },
  cpu: { timestamp: atSeconds * 1e9, usage_core_nano_seconds: { value: cpuSeconds * 1e9 } },
  memory: { timestamp: 0, working_set_bytes: { value: 4096 } },
  writable_layer: null,
});

test('the host is busy with all but idling and waiting', (t) => {
  const stat = 'cpu  100 20 30 4000 500 6 7 8 9 10\ncpu0 1 2 3 4\n';
  t.is(busyNanoseconds(stat), (100 + 20 + 30 + 6 + 7 + 8) * 1e7);
  t.is(hostReading(stat, 'MemTotal:  1000 kB\nMemAvailable:   600 kB\n', 5).workingSetBytes, 400 * 1024);
});

test('who asks first waits for a short window; who asks later gets the rate since then; who asks with others or right after shares', async (t) => {
  const clock = new ManualClock();
  const startMs = clock.nowMs();
  let asked = 0;
  // Half a processor.
  const meter = new UsageMeter({
    clock,
    stats: async () => {
      asked += 1;
      const seconds = (clock.nowMs() - startMs) / 1000;
      return [statsOf('a', 100 + seconds, 7 + seconds / 2)];
    },
  });
  const measured = async (waitMs: number) => {
    let isDone = false;
    const answers = Promise.all([meter.measure(), meter.measure()]).finally(() => {
      isDone = true;
    });
    for (let waitedMs = 0; !isDone; waitedMs += 10) {
      if (waitedMs > waitMs + 1_000_000) t.fail('nothing was measured');
      // Files are read meanwhile, which takes turns of the event loop and no time of this clock.
      for (let turn = 0; turn < 10; turn += 1) await settle();
      if (!isDone) await clock.advance(10);
    }
    const [first, second] = await answers;
    t.is(first, second);
    return first;
  };
  const first = await measured(usageWindowMsMin);
  t.like(first.containers[0], { podUid: 'u', container: 'main', cpuNanocores: 5e8, workingSetBytes: 4096 });
  t.is(asked, 2);
  t.is(await measured(0), first, 'it is fresh');
  t.is(asked, 2);
  await clock.advance(10_000);
  const later = await measured(0);
  t.is(asked, 3);
  t.is(later.containers[0]?.cpuNanocores, 5e8);
  t.true(later.windowMs >= 10_000);
  await clock.advance(usageWindowMsMax + 1);
  t.true((await measured(usageWindowMsMin)).windowMs < usageWindowMsMax);
  t.is(asked, 5, 'the last sample was too old');
});

test('a container that was not there before has used all it has within the window', async (t) => {
  const clock = new ManualClock();
  let at = 0;
  const meter = new UsageMeter({ clock: { ...clock, monotonicMs: () => at, nowMs: () => at, sleep: async () => void (at += 500), after: clock.after, every: clock.every }, stats: async () => (at === 0 ? [] : [statsOf('new', 1, 0.25)]) });
  t.is((await meter.measure()).containers[0]?.cpuNanocores, 5e8);
});
