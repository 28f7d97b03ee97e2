import test from 'ava';
import { WorkQueue } from '../../../../proto/process/queue.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

interface Setup {
  readonly work: (key: string) => Promise<void>;
  readonly workersMax?: number;
}

const start = ({ work, workersMax = 2 }: Setup) => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const failures: [string, number][] = [];
  const queue = new WorkQueue(
    {
      clock,
      workersMax,
      backoff: { initialMs: 5, maxMs: 40 },
      work: (key) => work(key),
      onFailure: (key, _error, retryAfterMs) => failures.push([key, retryAfterMs]),
    },
    stop.signal,
  );
  return { clock, stop, failures, queue };
};

test('a key added several times before a worker takes it is worked on once', async (t) => {
  const seen: string[] = [];
  const { queue } = start({ work: async (key) => void seen.push(key) });
  for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
  await queue.idle();
  t.deepEqual(seen, ['a', 'b']);
});

test('a key added while it is worked on is worked on once more, and never twice at the same time', async (t) => {
  let running = 0;
  let most = 0;
  let runs = 0;
  const { queue } = start({
    work: async () => {
      running += 1;
      runs += 1;
      most = Math.max(most, running);
      if (runs === 1) {
        queue.add('a');
        queue.add('a');
      }
      await settle();
      running -= 1;
    },
  });
  queue.add('a');
  await queue.idle();
  t.is(runs, 2);
  t.is(most, 1);
});

test('no more keys are worked on at once than there are workers', async (t) => {
  let running = 0;
  let most = 0;
  const { queue } = start({
    workersMax: 3,
    work: async () => {
      running += 1;
      most = Math.max(most, running);
      await settle();
      running -= 1;
    },
  });
  for (let n = 0; n < 20; n += 1) queue.add(`key-${n}`);
  await queue.idle();
  t.is(most, 3);
});

test('a key that fails comes back after a delay that doubles up to its bound, and starts anew after a success', async (t) => {
  let fails = 5;
  const { queue, clock, failures } = start({
    work: async () => {
      fails -= 1;
      if (fails >= 0) throw new Error('no');
    },
  });
  queue.add('a');
  await clock.advance(1_000);
  t.deepEqual(failures.map(([, delayMs]) => delayMs), [5, 10, 20, 40, 40]);
  fails = 1;
  queue.add('a');
  await clock.advance(1_000);
  t.is(failures.at(-1)?.[1], 5);
});

test('of several delays the earliest counts', async (t) => {
  const times: number[] = [];
  const { queue, clock } = start({ work: async () => void times.push(clock.monotonicMs()) });
  const startMs = clock.monotonicMs();
  queue.addAfter('a', 500);
  queue.addAfter('a', 100);
  queue.addAfter('a', 300);
  await clock.advance(1_000);
  t.deepEqual(times, [startMs + 100]);
});

test('nothing is worked on after the end', async (t) => {
  const seen: string[] = [];
  const { queue, clock, stop } = start({ work: async (key) => void seen.push(key) });
  queue.add('a');
  queue.addAfter('b', 10);
  stop.abort();
  queue.add('c');
  await clock.advance(100);
  t.deepEqual(seen, []);
});
