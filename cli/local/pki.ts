/** The certificates of a local cluster, made once, kept in its data directory, readable by root alone. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CertificateRequest, createAuthority, issueCertificate, type KeyedCertificate } from '../../proto/process/tls.ts';
import { etcdMembers } from './etcd.ts';
import { type ClusterSettings, hostAddress, paths } from './settings.ts';

const authorityDays = 3650;
const certificateDays = 365;

/** Whole or not at all. */
const write = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
};

const ensure = async (dir: string, name: string, make: () => Promise<KeyedCertificate>): Promise<KeyedCertificate> => {
  const certFile = join(dir, `${name}.crt`);
  const keyFile = join(dir, `${name}.key`);
  // The certificate is written last: a pair is whole when it is there.
  if (existsSync(certFile)) return { certPem: readFileSync(certFile, 'utf8'), keyPem: readFileSync(keyFile, 'utf8') };
  const pair = await make();
  write(keyFile, pair.keyPem);
  write(certFile, pair.certPem);
  return pair;
};

export interface LocalCertificates {
  readonly authority: string;
  readonly admin: KeyedCertificate;
}

/** Makes what is missing. */
export const ensureCertificates = async (settings: ClusterSettings): Promise<LocalCertificates> => {
  const dir = paths(settings.dataDir).pki;
  mkdirSync(dir, { recursive: true });
  chmodSync(dir, 0o700);
  const authority = await ensure(dir, 'ca', () => createAuthority({ commonName: `${settings.name}-ca`, days: authorityDays }));
  const etcdAuthority = await ensure(dir, 'etcd-ca', () => createAuthority({ commonName: `${settings.name}-etcd-ca`, days: authorityDays }));
  const issue = (name: string, issuer: KeyedCertificate, request: Omit<CertificateRequest, 'days'>): Promise<KeyedCertificate> =>
    ensure(dir, name, () => issueCertificate(issuer, { ...request, days: certificateDays }));
  const names = ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  await issue('controller', authority, {
    commonName: 'berth-controller', dnsNames: names, // The last is the service's, by which pods reach it.
    ipAddresses: ['127.0.0.1', '::1', hostAddress(settings), '10.96.0.1'], usages: ['server', 'client'],
  });
  for (const { name, address } of etcdMembers(settings)) {
    // Members dial each other from 127.0.0.1, and etcd holds a client's address against its certificate.
    await issue(name, etcdAuthority, { commonName: name, dnsNames: ['localhost'], ipAddresses: [...new Set(['127.0.0.1', address])], usages: ['server', 'client'] });
  }
  await issue('etcd-client', etcdAuthority, { commonName: 'berth-controller', usages: ['client'] });
  const admin = await issue('admin', authority, { commonName: 'berth-admin', organizations: ['system:masters'], usages: ['client'] });
  return { authority: authority.certPem, admin };
};
