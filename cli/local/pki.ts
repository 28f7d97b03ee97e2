/** The certificates of a local cluster, made once, kept in its data directory, readable by root alone. */
import { type CertificateRequest, createAuthority, issueCertificate, type KeyedCertificate } from '../../proto/process/tls.ts';
import { ensureKeyed, makePrivateFolder } from '../keyed-files.ts';
import { etcdMembers } from './etcd.ts';
import { type ClusterSettings, hostAddress, paths } from './settings.ts';

const authorityDays = 3650;
const certificateDays = 365;

export interface LocalCertificates {
  readonly authority: string;
  readonly admin: KeyedCertificate;
}

/** Makes what is missing. */
export const ensureCertificates = async (settings: ClusterSettings): Promise<LocalCertificates> => {
  const dir = paths(settings.dataDir).pki;
  makePrivateFolder(dir);
  const authority = await ensureKeyed(dir, 'ca', () => createAuthority({ commonName: `${settings.name}-ca`, days: authorityDays }));
  const etcdAuthority = await ensureKeyed(dir, 'etcd-ca', () => createAuthority({ commonName: `${settings.name}-etcd-ca`, days: authorityDays }));
  const issue = (name: string, issuer: KeyedCertificate, request: Omit<CertificateRequest, 'days'>): Promise<KeyedCertificate> =>
    ensureKeyed(dir, name, () => issueCertificate(issuer, { ...request, days: certificateDays }));
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
