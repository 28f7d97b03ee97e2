import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { CertificateKeeper } from '../../../controller/certificate-keeper.ts';
import { silentLog } from '../../../proto/process/log.ts';
import { createAuthority, issueCertificate, renewCertificate } from '../../../proto/process/tls.ts';
import { ManualClock, settle } from '../../fixtures/manual-clock.ts';

const hourMs = 3_600_000;
const stepMs = 600_000;

const start = async (t: ExecutionContext, { withKey = true, onChange = (_times: number): void => undefined } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'berth-keeper-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const issued = await issueCertificate(authority, { commonName: 'c', usages: ['server'], days: 1 });
  const files = { certificate: join(folder, 'c.crt'), authorityCertificate: join(folder, 'ca.crt'), authorityKey: join(folder, 'ca.key') };
  writeFileSync(files.certificate, issued.certPem);
  writeFileSync(files.authorityCertificate, authority.certPem);
  writeFileSync(files.authorityKey, authority.keyPem);
  const clock = new ManualClock(Date.now());
  const ending = new AbortController();
  let changes = 0;
  const keeper = new CertificateKeeper({
    files: { ...files, authorityKey: withKey ? files.authorityKey : undefined }, lifetimeSeconds: 2 * 86_400, clock, log: silentLog,
    onChange: () => onChange(changes += 1),
  });
  const running = keeper.run(ending.signal);
  t.teardown(async () => {
    ending.abort();
    await running;
  });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await clock.advance(stepMs);
      await settle();
    }
  };
  return { folder, files, authority, issued, pass, present: () => readFileSync(files.certificate, 'utf8'), changes: () => changes };
};

test('a certificate is replaced once, when two thirds of its life have passed, and nothing lies about', async (t) => {
  const keeper = await start(t);
  await keeper.pass(15 * hourMs);
  t.is(keeper.present(), keeper.issued.certPem);
  await keeper.pass(2 * hourMs);
  t.is(keeper.changes(), 1);
  t.is(new X509Certificate(keeper.present()).subject, 'CN=c');
  t.not(keeper.present(), keeper.issued.certPem);
  await keeper.pass(2 * hourMs);
  t.is(keeper.changes(), 1);
  t.deepEqual(readdirSync(keeper.folder).toSorted(), ['c.crt', 'ca.crt', 'ca.key'].toSorted());
});

test('without the authority’s key it is left to others, and what they replace is noticed; so is what they spoil, without harm', async (t) => {
  const keeper = await start(t, { withKey: false });
  await keeper.pass(17 * hourMs);
  t.is(keeper.changes(), 0);
  writeFileSync(keeper.files.certificate, 'not yet whole');
  await keeper.pass(hourMs / 20);
  t.is(keeper.changes(), 0);
  writeFileSync(keeper.files.certificate, renewCertificate(keeper.authority, keeper.issued.certPem, 3));
  await keeper.pass(hourMs / 20);
  t.is(keeper.changes(), 1);
});

test('a certificate that could not be used yet, since its key was not there, is used at a later look', async (t) => {
  const keeper = await start(t, {
    withKey: false,
    onChange: (times) => {
      if (times === 1) throw new Error('the key does not fit');
    },
  });
  writeFileSync(keeper.files.certificate, renewCertificate(keeper.authority, keeper.issued.certPem, 3));
  await keeper.pass(hourMs);
  t.is(keeper.changes(), 2);
});
