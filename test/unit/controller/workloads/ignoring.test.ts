import test from 'ava';
import { ignoring } from '../../../../controller/workloads/ignoring.ts';
import { conflict, notFound } from '../../../../proto/errors.ts';
import { podKind } from '../../../../proto/kinds.ts';

test('the named failures count as done, all others pass', async (t) => {
  t.is(await ignoring(['NotFound'], Promise.resolve(1)), 1);
  t.is(await ignoring(['Conflict', 'NotFound'], Promise.reject(notFound(podKind, 'p'))), undefined);
  await t.throwsAsync(ignoring(['NotFound'], Promise.reject(conflict(podKind, 'p'))), { name: 'ApiError' });
  await t.throwsAsync(ignoring(['NotFound'], Promise.reject(new Error('other'))), { message: 'other' });
});
