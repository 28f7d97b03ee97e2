import test from 'ava';
import { restartDelayMs, restartsAfter } from '../../../../agent/pods/restart.ts';

const run = (attempt: number, createdS: number, finishedS: number) => ({
  attempt,
  createdAtMs: createdS * 1000,
  startedAtMs: createdS * 1000,
  finishedAtMs: finishedS * 1000,
});

test('the first exit is followed by a restart at once', (t) => {
  t.is(restartDelayMs(run(0, 100, 101)), 0);
});

test('each delay is twice the one that came before the run, up to five minutes', (t) => {
  const delays: number[] = [];
  let previous = run(0, 0, 1);
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    const begin = previous.finishedAtMs / 1000 + (delays.at(-1) ?? 0) / 1000;
    const next = run(attempt, begin, begin + 1);
    delays.push(restartDelayMs(next, previous));
    previous = next;
  }
  t.deepEqual(delays, [10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000));
});

test('ten minutes of running forget the crashes', (t) => {
  t.is(restartDelayMs(run(7, 400, 1_000), run(6, 0, 100)), 0);
  t.is(restartDelayMs(run(7, 400, 999), run(6, 0, 100)), 300_000);
});

test('without the run before, the attempt tells the delay', (t) => {
  t.is(restartDelayMs(run(3, 0, 1)), 40_000);
});

test('a gap in which no agent was there says nothing', (t) => {
  t.is(restartDelayMs(run(3, 10_000, 10_001), run(2, 0, 1)), 10_000);
});

test('a policy decides by the exit code', (t) => {
  t.deepEqual(['Always', 'OnFailure', 'Never'].map((policy) => [restartsAfter(policy, 0), restartsAfter(policy, 1)]), [[true, true], [false, true], [false, false]]);
});
