import test from 'ava';
import { Inflight } from '../../../../controller/api/inflight.ts';
import { bodiesBytesMax, writesInFlightMax } from '../../../../controller/limits.ts';
import { isApiError } from '../../../../proto/errors.ts';

test('requests beyond the bound are turned away until one is done, and reads have a bound of their own', (t) => {
  const inflight = new Inflight();
  const leave = Array.from({ length: writesInFlightMax }, () => inflight.enter('write'));
  const error = t.throws(() => inflight.enter('write'));
  t.true(isApiError(error, 'TooManyRequests'));
  t.is((error as { details?: { retryAfterSeconds?: number } }).details?.retryAfterSeconds, 1);
  t.notThrows(() => inflight.enter('read'));
  leave[0]?.();
  t.notThrows(() => inflight.enter('write'));
  t.is(inflight.count('write'), writesInFlightMax);
});

test('bodies together have a bound', (t) => {
  const inflight = new Inflight();
  inflight.holdBody(bodiesBytesMax);
  t.throws(() => inflight.holdBody(1), { name: 'ApiError' });
  inflight.holdBody(-bodiesBytesMax);
  t.notThrows(() => inflight.holdBody(1));
});
