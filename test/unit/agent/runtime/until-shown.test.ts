import test from 'ava';
import { criLimits } from '../../../../agent/limits.ts';
import { untilShown } from '../../../../agent/runtime/until-shown.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

/** Becomes so after `soMs`; tells how often it was asked and when it was heard of. */
const wait = (soMs: number, signal = new AbortController().signal) => {
  const clock = new ManualClock(0);
  const outcome = { asked: 0, heardMs: Number.NaN };
  const isShown = async (): Promise<boolean> => {
    outcome.asked += 1;
    return clock.monotonicMs() >= soMs;
  };
  void untilShown(isShown, clock, signal).then(() => (outcome.heardMs = clock.monotonicMs()));
  return { clock, outcome };
};

const advance = async (clock: ManualClock, durationMs: number): Promise<void> => {
  for (let passedMs = 0; passedMs < durationMs; passedMs += 2) await clock.advance(2);
  await settle();
};

test('what is shown at once is not waited for', async (t) => {
  const { outcome } = wait(0);
  await settle();
  t.deepEqual(outcome, { asked: 1, heardMs: 0 });
});

test('what takes long is heard of soon after, however long it took, without much asking', async (t) => {
  for (const soMs of [5, 60, 700, 9_000]) {
    const { clock, outcome } = wait(soMs);
    await advance(clock, soMs * 2 + 100);
    t.true(outcome.heardMs >= soMs && outcome.heardMs <= soMs * 1.3 + 50, `${soMs} ms: heard after ${outcome.heardMs}`);
    t.true(outcome.asked <= 40, `${soMs} ms: asked ${outcome.asked} times`);
  }
});

test('who ends, or has waited long enough, asks no more', async (t) => {
  const ending = new AbortController();
  const { clock, outcome } = wait(Infinity, ending.signal);
  await advance(clock, 100);
  ending.abort();
  await settle();
  const { asked } = outcome;
  await advance(clock, 100);
  t.true(outcome.asked <= asked + 1);
  t.false(Number.isNaN(outcome.heardMs));
  const patient = wait(Infinity);
  await patient.clock.advance(criLimits.exitShownTimeoutMs * 2);
  for (let round = 0; round < 3; round++) await settle();
  t.false(Number.isNaN(patient.outcome.heardMs));
});
