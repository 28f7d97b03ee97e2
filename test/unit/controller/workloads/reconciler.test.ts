import test from 'ava';
import type { Reader } from '../../../../controller/store/reader.ts';
import { Reconciler } from '../../../../controller/workloads/reconciler.ts';
import { ApiError, type Reason } from '../../../../proto/errors.ts';
import { configMapKind } from '../../../../proto/kinds.ts';
import { silentLog as log } from '../../../../proto/process/log.ts';
import { ManualClock, settle } from '../../../fixtures/manual-clock.ts';

/** What happens to one key whose reconciliation fails for these reasons, and then no more. */
const courseOf = async (...failures: Reason[]): Promise<string[]> => {
  const course: string[] = [];
  const clock = new ManualClock();
  const reader = {
    current: async () => void course.push('cache made current'),
    subscribe: () => ({ close: () => undefined }),
  } as unknown as Reader;
  const lost = new AbortController();
  new Reconciler({ reader, clock, log }, {
    name: 'test',
    kinds: [configMapKind],
    keysOf: () => [],
    attach: (add) => add('key'),
    reconcile: async () => {
      const reason = failures.shift();
      course.push(reason ?? 'done');
      if (reason) throw new ApiError(reason, 'failed');
    },
  }).start(lost.signal);
  await settle();
  await clock.advance(1_000);
  lost.abort();
  return course;
};

test('after a write that may have been made unseen, the cache is made current before the next try', async (t) => {
  for (const reason of ['ServiceUnavailable', 'Timeout'] as const) {
    t.deepEqual(await courseOf(reason, reason), [reason, 'cache made current', reason, 'cache made current', 'done']);
  }
});

test('what was refused is tried again as it is', async (t) => {
  t.deepEqual(await courseOf('Conflict', 'Forbidden'), ['Conflict', 'Forbidden', 'done']);
});
