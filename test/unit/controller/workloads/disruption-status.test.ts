import test from 'ava';
import { isBeyondBudgets, sparesUnready, spent } from '../../../../controller/api/disruption-budget.ts';
import { disruptionTimeoutMs } from '../../../../controller/limits.ts';
import { disruptionOf, failedStatus, needsScale } from '../../../../controller/workloads/disruption-status.ts';
import { ApiError, isApiError } from '../../../../proto/errors.ts';
import { timestamp } from '../../../../proto/process/clock.ts';
import type { PodDisruptionBudget } from '../../../../proto/resources/kubernetes.ts';
import { podObject } from '../../../fixtures/loop-objects.ts';

const nowMs = 10_000_000;
type Spec = NonNullable<PodDisruptionBudget['spec']>;
type Status = NonNullable<PodDisruptionBudget['status']>;

const budget = (spec: Spec, status?: Partial<Status>): PodDisruptionBudget => ({
  apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web', namespace: 'default', generation: 3 },
  spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
  ...(status ? { status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0, observedGeneration: 3, ...status } } : {}),
});
const pods = (ready: number, unready = 0) => [
  ...Array.from({ length: ready }, (_, at) => podObject(`r${at}`, { node: 'n', readySinceMs: 1_000 })),
  ...Array.from({ length: unready }, (_, at) => podObject(`u${at}`, { node: 'n' })),
];
/** healthy, wanted, allowed */
const numbers = (spec: Spec, ready: number, unready: number, expected: number): number[] => {
  const { status } = disruptionOf(budget(spec), pods(ready, unready), expected, nowMs);
  return [status.currentHealthy, status.desiredHealthy, status.disruptionsAllowed];
};

test('numbers and shares, of what must stay and of what may go', (t) => {
  t.deepEqual(numbers({ minAvailable: 2 }, 3, 0, 3), [3, 2, 1]);
  t.deepEqual(numbers({ minAvailable: 5 }, 3, 0, 3), [3, 5, 0]);
  t.deepEqual(numbers({ minAvailable: '50%' }, 5, 0, 5), [5, 3, 2]);
  t.deepEqual(numbers({ minAvailable: '100%' }, 5, 0, 5), [5, 5, 0]);
  t.deepEqual(numbers({ maxUnavailable: 1 }, 3, 0, 3), [3, 2, 1]);
  t.deepEqual(numbers({ maxUnavailable: 1 }, 2, 1, 3), [2, 2, 0]);
  t.deepEqual(numbers({ maxUnavailable: '30%' }, 5, 0, 5), [5, 3, 2]);
  t.deepEqual(numbers({ maxUnavailable: 9 }, 3, 0, 3), [3, 0, 3]);
  t.deepEqual(numbers({ maxUnavailable: '0%' }, 3, 0, 3), [3, 3, 0]);
  t.deepEqual(numbers({}, 3, 0, 3), [3, 0, 3]);
  t.deepEqual(numbers({ minAvailable: 0 }, 0, 0, 0), [0, 0, 0]);
  t.deepEqual([{ minAvailable: 1 }, { minAvailable: '1%' }, { maxUnavailable: 1 }].map((spec) => needsScale(budget(spec))), [false, true, true]);
});

test('the condition says whether more may go', (t) => {
  const of = (spec: Spec) => disruptionOf(budget(spec), pods(3), 3, nowMs).status.conditions;
  t.like(of({ minAvailable: 2 }), [{ type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', observedGeneration: 3 }]);
  t.like(of({ minAvailable: 3 }), [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }]);
  const failed = failedStatus(budget({ minAvailable: '50%' }, { disruptionsAllowed: 2, currentHealthy: 5 }), 'found no controllers', nowMs);
  t.is(failed.disruptionsAllowed, 0);
  t.is(failed.currentHealthy, 5);
  t.like(failed.conditions, [{ status: 'False', reason: 'SyncFailed', message: 'found no controllers' }]);
});

test('a pod whose eviction was allowed is not healthy until it is gone, leaves, or has stayed too long', (t) => {
  const at = (ms: number) => timestamp(ms) as never;
  const noted = { r0: at(nowMs - 1_000), r1: at(nowMs - disruptionTimeoutMs), gone: at(nowMs) };
  const all = [...pods(3), podObject('leaving', { node: 'n', readySinceMs: 1_000, deleted: true })];
  const { status, overdue, recheckMs } = disruptionOf(budget({ minAvailable: 1 }, { disruptedPods: { ...noted, leaving: at(nowMs) } }), all, 4, nowMs);
  t.deepEqual(status.disruptedPods, { r0: noted.r0 });
  t.is(status.currentHealthy, 2);
  t.is(status.disruptionsAllowed, 1);
  t.deepEqual(overdue.map(({ metadata }) => metadata.name), ['r1']);
  t.is(recheckMs, nowMs - 1_000 + disruptionTimeoutMs);
});

test('an eviction is charged to the budget, and refused when there is nothing left', (t) => {
  const once = spent(budget({}, { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2 }), 'r0', nowMs);
  t.is(once.status?.disruptionsAllowed, 0);
  t.deepEqual(once.status?.disruptedPods, { r0: timestamp(nowMs) } as never);
  t.like(once.status?.conditions, [{ status: 'False', reason: 'InsufficientPods' }]);
  const refusal = t.throws(() => spent(once, 'r1', nowMs), { instanceOf: ApiError });
  t.is(refusal?.code, 429);
  t.like(refusal?.details, {
    causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 3 currently' }], retryAfterSeconds: 1,
  });
  const unseen = t.throws(() => spent(budget({}, { disruptionsAllowed: 1, observedGeneration: 2 }), 'r0', nowMs), { instanceOf: ApiError });
  t.is(unseen?.details?.causes?.[0]?.message, 'The disruption budget web is still being processed by the server.');
  const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`p${at}`, timestamp(nowMs)]));
  t.true(isApiError(t.throws(() => spent(budget({}, { disruptionsAllowed: 1, disruptedPods: many as never }), 'r0', nowMs)), 'Forbidden'));
});

test('pods that serve nobody need no budget, and those that are not ready only where too few are', (t) => {
  t.deepEqual(['Pending', 'Succeeded', 'Failed', 'Running'].map((phase) => isBeyondBudgets(podObject('p', { node: 'n', phase }))), [true, true, true, false]);
  t.true(isBeyondBudgets(podObject('p', { node: 'n', deleted: true })));
  const [ready, unready] = [podObject('r', { node: 'n', readySinceMs: 1_000 }), podObject('u', { node: 'n' })];
  const enough = { desiredHealthy: 2, currentHealthy: 2 };
  t.false(sparesUnready(budget({}, enough), ready));
  t.true(sparesUnready(budget({}, enough), unready));
  t.false(sparesUnready(budget({}, { desiredHealthy: 2, currentHealthy: 1 }), unready));
  t.false(sparesUnready(budget({}, { desiredHealthy: 0, currentHealthy: 0 }), unready));
  t.true(sparesUnready(budget({ unhealthyPodEvictionPolicy: 'AlwaysAllow' }, { desiredHealthy: 2, currentHealthy: 1 }), unready));
});
