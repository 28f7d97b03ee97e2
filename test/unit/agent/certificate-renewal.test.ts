import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CertificateRenewal } from '../../../agent/certificate-renewal.ts';
import { createNodeSigner } from '../../../controller/nodes/node-certificates.ts';
import { silentLog } from '../../../proto/process/log.ts';
import { createAuthority, createSigningRequest } from '../../../proto/process/tls.ts';
import { eventually } from '../../fixtures/eventually.ts';
import { ManualClock, settle } from '../../fixtures/manual-clock.ts';

const stepMs = 600_000;

test('a node asks for another certificate before its own ends, until it gets one that fits', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-renewal-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const sign = createNodeSigner(authority, 86_400);
  const { csrPem, keyPem } = await createSigningRequest({ commonName: 'x' });
  const identity = { caPem: authority.certPem, keyPem, certPem: await sign('node-1', csrPem) };
  const clock = new ManualClock(Date.now());
  const asked: string[] = [];
  const renewal = new CertificateRenewal({ identity, nodeName: 'node-1', dir, ask: (request) => void asked.push(request), clock, log: silentLog });
  const ending = new AbortController();
  const running = renewal.run(ending.signal);
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await clock.advance(stepMs);
      await settle();
    }
  };
  await pass(15 * 3_600_000);
  t.deepEqual(asked, []);
  await pass(2 * 3_600_000);
  // Without an answer it is asked again.
  await eventually('it asks', async () => {
    await pass(stepMs);
    return asked.length > 1 ? true : undefined;
  });
  await renewal.take(await sign('node-2', asked[0] ?? ''));
  await renewal.take('junk');
  t.is(renewal.identity, identity, 'what does not fit is not taken');
  const renewed = await sign('node-1', asked[0] ?? '');
  renameSync(dir, `${dir}.away`);
  await renewal.take(renewed);
  t.is(renewal.identity, identity, 'what cannot be kept is not taken, and ends no session');
  renameSync(`${dir}.away`, dir);
  await renewal.take(renewed);
  t.is(renewal.identity.certPem, renewed);
  t.is(renewal.identity.keyPem, keyPem);
  t.is(readFileSync(join(dir, 'node.crt'), 'utf8'), renewed);
  ending.abort();
  await running;
});
