/** A server: the first one of a cluster, which makes its authorities, or a further one, which is given them for a token. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinBy, type ServerGrant, serverJoinPath } from '../../proto/joining.ts';
import { type CertificateRequest, createAuthority, issueCertificate, type KeyedCertificate } from '../../proto/process/tls.ts';
import { ensureKeyed, makePrivateFolder, writeWhole } from '../keyed-files.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { Layout } from './layout.ts';
import { writeSettingsFile } from './settings-file.ts';
import { type UnitName, writeUnits } from './units.ts';

export interface EtcdFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where the state is: on this machine, or in an etcd that somebody else runs. */
export type EtcdChoice = { readonly type: 'local' } | { readonly type: 'external'; readonly endpoints: readonly string[]; readonly files?: EtcdFiles };

export interface ServerSettings {
  readonly name: string;
  /** The machine's, for all others. */
  readonly address: string;
  readonly apiPort: number;
  readonly nodesPort: number;
  /** Further names and addresses by which the API is called, such as a load balancer's. */
  readonly names: readonly string[];
  readonly certificateLifetimeSeconds: number;
  readonly etcd: EtcdChoice;
  /** Whom a further server asks (the first that is there), with what token; the settings of the cluster come from there. */
  readonly join?: { readonly urls: readonly string[]; readonly token: string };
  /** Of a first server, for the controller's configuration. */
  readonly cluster: Readonly<Record<string, unknown>>;
}

const authorityDays = 3650;
const secondsPerDay = 86_400;
const [etcdPort, etcdPeerPort] = [2379, 2380];
/** Where controllers ask each other. */
const peersPort = 6445;
const isAddress = (text: string): boolean => /^[\d.]+$|:/.test(text);

/** The first address of the range, which is that of the service kubernetes. */
const firstAddress = (range: string): string => range.replace(/\/.*$/, '').replace(/\d+$/, (octet) => String(Number(octet) + 1));

type Etcd = { readonly endpoints: readonly string[]; readonly tls?: object };

const tlsNames = ({ pki }: Layout, name: string) => ({ authorityCertificate: join(pki, 'etcd-ca.crt'), certificate: join(pki, `${name}.crt`), key: join(pki, `${name}.key`) });

const writePair = (pki: string, name: string, certPem: string, keyPem: string | undefined): void => {
  if (keyPem !== undefined) writeWhole(join(pki, `${name}.key`), keyPem);
  writeWhole(join(pki, `${name}.crt`), certPem);
};

type Issue = (authority: KeyedCertificate, name: string, request: Omit<CertificateRequest, 'days'>) => Promise<KeyedCertificate>;

/** etcd of this machine: an authority of its own, so that a certificate for the API opens no door to the store. */
const localEtcd = async (layout: Layout, { name, address }: ServerSettings, issue: Issue): Promise<Etcd> => {
  const { pki } = layout;
  const authority = await ensureKeyed(pki, 'etcd-ca', () => createAuthority({ commonName: 'berth-etcd-ca', days: authorityDays }));
  await issue(authority, 'etcd', { commonName: name, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', address], usages: ['server', 'client'] });
  await issue(authority, 'etcd-client', { commonName: 'berth-controller', usages: ['client'] });
  const security = { 'cert-file': join(pki, 'etcd.crt'), 'key-file': join(pki, 'etcd.key'), 'trusted-ca-file': join(pki, 'etcd-ca.crt'), 'client-cert-auth': true };
  const [client, peer] = [`https://${address}:${etcdPort}`, `https://${address}:${etcdPeerPort}`];
  mkdirSync(layout.etcdData, { recursive: true, mode: 0o700 });
  writeSettingsFile(layout.config('etcd.yaml'), 'The keys are etcd’s own.', {
    name, 'data-dir': layout.etcdData,
    'listen-client-urls': client, 'advertise-client-urls': client, 'listen-peer-urls': peer, 'initial-advertise-peer-urls': peer,
    'initial-cluster': `${name}=${peer}`, 'initial-cluster-token': 'berth',
    'client-transport-security': security, 'peer-transport-security': security,
    'enable-grpc-gateway': false, logger: 'zap', 'log-level': 'warn', 'quota-backend-bytes': 4 * 2 ** 30,
  });
  return { endpoints: [client], tls: { ...tlsNames(layout, 'etcd-client'), authorityKey: join(pki, 'etcd-ca.key') } };
};

const externalEtcd = (layout: Layout, { endpoints, files }: Extract<EtcdChoice, { type: 'external' }>): Etcd => {
  if (!files) return { endpoints };
  const copies = { 'etcd-ca.crt': files.ca, 'etcd-client.crt': files.cert, 'etcd-client.key': files.key };
  for (const [name, from] of Object.entries(copies)) {
    copyFileSync(from, join(layout.pki, name));
    chmodSync(join(layout.pki, name), 0o600);
  }
  return { endpoints, tls: tlsNames(layout, 'etcd-client') };
};

/** What the cluster gave, as files. */
const grantedEtcd = (layout: Layout, { endpoints, tls }: ServerGrant['etcd']): Etcd => {
  if (!tls) return { endpoints };
  writePair(layout.pki, 'etcd-ca', tls.caPem, tls.caKeyPem);
  writePair(layout.pki, 'etcd-client', tls.certPem, tls.keyPem);
  return { endpoints, tls: { ...tlsNames(layout, 'etcd-client'), ...(tls.caKeyPem === undefined ? {} : { authorityKey: join(layout.pki, 'etcd-ca.key') }) } };
};

/** Throws JoinFailure. */
const grantFor = async ({ join: by, name }: ServerSettings): Promise<ServerGrant | undefined> =>
  by && ((await joinBy({ controllerUrls: by.urls, token: by.token, path: serverJoinPath, body: { name } })).answer as unknown as ServerGrant);

/** Whether all that a server needs has been written before; then it stays. */
export const isServer = (layout: Layout): boolean => existsSync(layout.config('controller.yaml'));

const etcdOf = (layout: Layout, settings: ServerSettings, grant: ServerGrant | undefined, issue: Issue): Promise<Etcd> | Etcd => {
  if (grant) return grantedEtcd(layout, grant.etcd);
  return settings.etcd.type === 'external' ? externalEtcd(layout, settings.etcd) : localEtcd(layout, settings, issue);
};

/** Writes all that a server needs; what is there already stays. Resolves to its units, in the order of their start. Throws JoinFailure. */
export const installServer = async (layout: Layout, settings: ServerSettings): Promise<readonly UnitName[]> => {
  const { pki } = layout;
  const { name, address, apiPort, nodesPort, names } = settings;
  const isNew = !isServer(layout);
  const isLocal = existsSync(layout.config('etcd.yaml')) || (isNew && settings.etcd.type === 'local' && !settings.join);
  const units: readonly UnitName[] = [...(isLocal ? ['berth-etcd' as const] : []), 'berth-controller'];
  if (isNew) {
    const grant = await grantFor(settings);
    makePrivateFolder(pki);
    if (grant) writePair(pki, 'ca', grant.caPem, grant.caKeyPem);
    const authority = await ensureKeyed(pki, 'ca', () => createAuthority({ commonName: 'berth-ca', days: authorityDays }));
    const shared: Readonly<Record<string, unknown>> = grant?.settings ?? { certificateLifetimeSeconds: settings.certificateLifetimeSeconds, ...settings.cluster };
    const days = Number(shared['certificateLifetimeSeconds']) / secondsPerDay;
    const issue: Issue = (issuer, file, request) => ensureKeyed(pki, file, () => issueCertificate(issuer, { ...request, days }));
    await issue(authority, 'controller', {
      commonName: 'berth-controller', usages: ['server', 'client'],
      dnsNames: ['localhost', 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local', ...names.filter((other) => !isAddress(other))],
      ipAddresses: [...new Set(['127.0.0.1', '::1', address, firstAddress(String(shared['serviceNetwork'] ?? '10.96.0.0/16')), ...names.filter(isAddress)])],
    });
    await issue(authority, 'admin', { commonName: 'berth-admin', organizations: ['system:masters'], usages: ['client'] });
    const etcd = await etcdOf(layout, settings, grant, issue);
    const files = (file: string, issuer: string) => ({ certificate: join(pki, `${file}.crt`), authorityCertificate: join(pki, `${issuer}.crt`), authorityKey: join(pki, `${issuer}.key`) });
    writeKubeconfig(layout, [...new Set([`https://${address}:${apiPort}`, ...(settings.join?.urls ?? []), ...(grant?.servers ?? [])])]);
    writeSettingsFile(layout.config('controller.yaml'), '"controller/main.ts --help" explains each key.', {
      name,
      api: { port: apiPort, advertised: [`${address}:${apiPort}`] },
      nodes: { port: nodesPort, advertised: [`${address}:${nodesPort}`] },
      peers: { port: peersPort, advertised: `${address}:${peersPort}` },
      tls: { ...files('controller', 'ca'), key: join(pki, 'controller.key') },
      etcd,
      renews: [files('admin', 'ca'), ...(isLocal ? [files('etcd', 'etcd-ca')] : [])],
      ...shared,
    });
  }
  writeUnits(layout, units);
  return units;
};

/** What waits for the server, and what a person uses. */
export const adminFiles = ({ pki }: Layout): { readonly ca: string; readonly cert: string; readonly key: string } => {
  const text = (file: string): string => readFileSync(join(pki, file), 'utf8');
  return { ca: text('ca.crt'), cert: text('admin.crt'), key: text('admin.key') };
};
