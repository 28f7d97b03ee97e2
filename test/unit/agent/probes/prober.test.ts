import test from 'ava';
import { Prober } from '../../../../agent/probes/prober.ts';
import type { ProberOptions } from '../../../../agent/probes/prober.ts';
import { countOutcome, startCount } from '../../../../agent/probes/thresholds.ts';
import { seededRandom } from '../../../../proto/process/random.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

const probing = (more: Partial<ProberOptions>, healthy: (timeMs: number) => boolean) => {
  const clock = new ManualClock(0);
  const checks: number[] = [];
  const verdicts: string[] = [];
  const failures: number[] = [];
  const prober = new Prober({
    kind: 'readiness',
    probe: { exec: { command: ['x'] } },
    clock,
    random: seededRandom(1),
    startedAtMs: 0,
    takenOver: false,
    verdict: false,
    check: async () => {
      checks.push(clock.nowMs());
      return { ok: healthy(clock.nowMs()), message: 'no' };
    },
    onVerdict: (ok) => void verdicts.push(`${ok} at ${clock.nowMs()}`),
    onFailure: () => void failures.push(clock.nowMs()),
    ...more,
  });
  return { clock, checks, verdicts, failures, prober };
};

test('the first check runs at once, the next ones every period', async (t) => {
  const lab = probing({ probe: { exec: { command: ['x'] }, periodSeconds: 3 } }, () => true);
  await lab.clock.advance(7_000);
  t.deepEqual(lab.checks, [0, 3_000, 6_000]);
  t.deepEqual(lab.verdicts, ['true at 0']);
  lab.prober.stop();
  await lab.clock.advance(10_000);
  t.is(lab.checks.length, 3);
});

test('an initial delay is kept', async (t) => {
  const lab = probing({ probe: { exec: { command: ['x'] }, initialDelaySeconds: 5 } }, () => true);
  await lab.clock.advance(6_000);
  t.deepEqual(lab.checks, [5_000]);
});

test('a run that was taken over is checked at a random time of the first period, and stays ready until then', async (t) => {
  const lab = probing({ takenOver: true, verdict: true }, () => true);
  await lab.clock.advance(0);
  t.deepEqual(lab.checks, []);
  await lab.clock.advance(10_000);
  t.is(lab.checks.length, 1);
  t.deepEqual(lab.verdicts, []);
});

test('a server that comes up late is ready long before its period', async (t) => {
  const lab = probing({ probe: { tcpSocket: { port: 80 }, periodSeconds: 10 } }, (timeMs) => timeMs >= 120);
  await lab.clock.advance(1_000);
  t.deepEqual(lab.checks, [0, 25, 75, 175]);
  t.deepEqual(lab.verdicts, ['true at 175']);
  t.deepEqual(lab.failures, []);
});

test('liveness fails after failureThreshold failures in a row', async (t) => {
  const lab = probing({ kind: 'liveness', verdict: true, probe: { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 3 } }, (timeMs) => timeMs === 2_000);
  await lab.clock.advance(5_500);
  t.deepEqual(lab.verdicts, ['false at 5000']);
  t.deepEqual(lab.failures, [0, 1_000, 3_000, 4_000, 5_000]);
});

test('answers that nobody gave kill nobody', async (t) => {
  const check = async () => ({ ok: false, message: 'unavailable', isUnknown: true as const });
  const lab = probing({ kind: 'liveness', verdict: true, check }, () => false);
  await lab.clock.advance(120_000);
  t.deepEqual([lab.verdicts, lab.failures], [[], []]);
});

test('a startup probe that never succeeds is counted out', async (t) => {
  const lab = probing({ kind: 'startup', probe: { exec: { command: ['x'] }, periodSeconds: 1, failureThreshold: 2 } }, () => false);
  await lab.clock.advance(1_500);
  t.deepEqual(lab.verdicts, ['false at 1000']);
});

test('successThreshold successes in a row make it ready', (t) => {
  const probe = { successThreshold: 2, failureThreshold: 1 };
  const one = countOutcome(startCount(false), true, probe);
  t.false(one.verdict);
  t.true(countOutcome(one, true, probe).verdict);
  t.false(countOutcome(countOutcome(one, false, probe), true, probe).verdict);
});
