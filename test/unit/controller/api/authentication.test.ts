import type { TLSSocket } from 'node:tls';
import test from 'ava';
import { Authentication } from '../../../../controller/api/authentication.ts';
import { isApiError } from '../../../../proto/errors.ts';
import { ManualClock } from '../../../fixtures/manual-clock.ts';

test('a certificate that runs out while its connection lasts is no longer believed', async (t) => {
  const clock = new ManualClock(Date.parse('2026-01-01T00:00:00Z'));
  const authentication = new Authentication([], clock);
  const certificate = { subject: { CN: 'ann', O: ['system:masters', 'dev'] }, valid_to: 'Jan  1 00:10:00 2026 GMT' };
  const socket = { authorized: true, getPeerCertificate: () => certificate } as unknown as TLSSocket;
  const ask = () => authentication.userOf(socket, {});
  t.deepEqual(await ask(), { name: 'ann', groups: ['system:masters', 'dev', 'system:authenticated'] });
  await clock.advance(9 * 60_000);
  t.is((await ask()).name, 'ann');
  await clock.advance(2 * 60_000);
  t.true(isApiError(await t.throwsAsync(ask), 'Unauthorized'));
});
