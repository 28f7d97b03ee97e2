import { createPrivateKey, X509Certificate } from 'node:crypto';
import { connect, createServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import test from 'ava';
import { BadSigningRequest, createAuthority, createSigningRequest, fingerprint, issueCertificate, renewalTimes, renewCertificate, signRequest } from '../../../../proto/process/tls.ts';

test('an issued certificate carries its names, usages and issuer', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const issued = await issueCertificate(authority, {
    commonName: 'controller', organizations: ['a', 'b'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '2001:db8::1'], usages: ['server', 'client'], days: 1,
  });
  const certificate = new X509Certificate(issued.certPem);
  const ca = new X509Certificate(authority.certPem);
  t.true(certificate.verify(ca.publicKey));
  t.true(certificate.checkIssued(ca));
  t.true(ca.ca);
  t.false(certificate.ca);
  t.is(certificate.subject, 'O=a\nO=b\nCN=controller');
  t.is(certificate.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1');
  t.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
});

test('a signed request gets the identity that the signer decides', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const { csrPem, keyPem } = await createSigningRequest({ commonName: 'system:admin', organizations: ['system:masters'] });
  const certPem = await signRequest(authority, csrPem, { commonName: 'system:node:a', organizations: ['system:nodes'], usages: ['client'], days: 365 });
  t.is(new X509Certificate(certPem).subject, 'O=system:nodes\nCN=system:node:a');
  t.true(new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem)));
});

test('a request whose signature does not fit its key is refused', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const identity = { commonName: 'x', usages: ['client'], days: 1 } as const;
  const { csrPem } = await createSigningRequest({ commonName: 'x' });
  const bytes = Buffer.from(csrPem.replace(/-----[^-]+-----/g, ''), 'base64');
  for (const at of [20, 60, bytes.length - 3]) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${changed.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    await t.throwsAsync(signRequest(authority, pem, identity), { instanceOf: BadSigningRequest });
  }
  for (const text of ['', 'junk', csrPem.slice(0, 120), csrPem.replace(/\n.+\n-----END/, '\n-----END')]) {
    await t.throwsAsync(signRequest(authority, text, identity), { instanceOf: BadSigningRequest });
  }
});

test('the fingerprint is that of the public key and tells authorities apart', async (t) => {
  const [one, two] = await Promise.all([createAuthority({ commonName: 'berth', days: 10 }), createAuthority({ commonName: 'berth', days: 10 })]);
  t.regex(fingerprint(one.certPem), /^[0-9a-f]{64}$/);
  t.is(fingerprint(one.certPem), fingerprint(new X509Certificate(one.certPem).raw));
  t.not(fingerprint(one.certPem), fingerprint(two.certPem));
});

test('a server and a client of one authority complete mutual TLS', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const server = await issueCertificate(authority, { commonName: 's', dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'], usages: ['server'], days: 1 });
  const client = await issueCertificate(authority, { commonName: 'system:node:a', organizations: ['system:nodes'], usages: ['client'], days: 1 });
  const listener = createServer({ cert: server.certPem, key: server.keyPem, ca: authority.certPem, requestCert: true, rejectUnauthorized: true }, (socket) => socket.end('hello'));
  t.teardown(() => listener.close());
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const socket = connect({ host: '127.0.0.1', port: (listener.address() as AddressInfo).port, ca: authority.certPem, cert: client.certPem, key: client.keyPem });
  const [data] = (await once(socket, 'data')) as [Buffer];
  t.is(String(data), 'hello');
});

test('a renewed certificate is the same but for its time and number, and only its authority makes it', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  const request = { commonName: 'c', organizations: ['a', 'b'], dnsNames: ['localhost'], ipAddresses: ['10.0.0.1', '::1'], usages: ['server', 'client'], days: 1 } as const;
  const { certPem, keyPem } = await issueCertificate(authority, request);
  const [old, renewed] = [new X509Certificate(certPem), new X509Certificate(renewCertificate(authority, certPem, 2))];
  t.deepEqual([renewed.subject, renewed.subjectAltName, renewed.keyUsage], [old.subject, old.subjectAltName, old.keyUsage]);
  t.true(renewed.checkPrivateKey(createPrivateKey(keyPem)));
  t.true(renewed.verify(new X509Certificate(authority.certPem).publicKey));
  t.not(renewed.serialNumber, old.serialNumber);
  t.true(Date.parse(renewed.validTo) > Date.parse(old.validTo));
  t.throws(() => renewCertificate({ ...authority, certPem: keyPem }, certPem, 1));
  const other = await createAuthority({ commonName: 'berth', days: 10 });
  t.throws(() => renewCertificate(other, certPem, 1), { instanceOf: RangeError });
});

test('a certificate is due after two thirds of its life, however short that is', async (t) => {
  const authority = await createAuthority({ commonName: 'berth', days: 10 });
  for (const lifeMs of [60_000, 86_400_000]) {
    const { certPem } = await issueCertificate(authority, { commonName: 'c', usages: ['client'], days: lifeMs / 86_400_000 });
    const { dueMs, endMs } = renewalTimes(certPem);
    t.true(Math.abs((endMs - dueMs) * 3 - lifeMs) <= 6_000, `${endMs - dueMs}`);
  }
});
