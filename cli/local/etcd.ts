/**
 * The members of a local cluster's etcd. Each listens on a loopback address of its own (127.0.0.1, 127.0.0.2, …) and
 * on the same two ports, so that more members need no more ports.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessSpec } from './processes.ts';
import { type ClusterSettings, hostPrefix, memberName, paths } from './settings.ts';

export interface EtcdMember {
  /** Of the process, the certificate and the member alike. */
  readonly name: string;
  readonly dataDir: string;
  readonly address: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
}

export const etcdMembers = ({ dataDir, etcd, ports }: ClusterSettings): readonly EtcdMember[] =>
  Array.from({ length: etcd }, (_, at) => {
    const [name, address] = [memberName('etcd', at + 1), `127.0.0.${at + 1}`];
    return {
      name,
      dataDir: at === 0 ? paths(dataDir).etcd : join(paths(dataDir).etcdPeers, name),
      address,
      clientUrl: `https://${address}:${ports.etcd}`,
      peerUrl: `https://${address}:${ports.etcdPeer}`,
    };
  });

export const etcdService = (settings: ClusterSettings, { name, dataDir, clientUrl, peerUrl }: EtcdMember): ProcessSpec => {
  const { pki } = paths(settings.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const tls = [join(pki, `${name}.crt`), join(pki, `${name}.key`), join(pki, 'etcd-ca.crt')] as const;
  return {
    name,
    program: 'etcd',
    args: [
      '--name', name, '--data-dir', dataDir,
      '--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl,
      '--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl,
      '--initial-cluster', etcdMembers(settings).map((member) => `${member.name}=${member.peerUrl}`).join(','), '--initial-cluster-token', hostPrefix(settings),
      // Its own authority: a certificate for the API opens no door to the store.
      '--client-cert-auth', '--cert-file', tls[0], '--key-file', tls[1], '--trusted-ca-file', tls[2],
      '--peer-client-cert-auth', '--peer-cert-file', tls[0], '--peer-key-file', tls[1], '--peer-trusted-ca-file', tls[2],
      '--enable-grpc-gateway=false', '--log-level', 'warn', '--quota-backend-bytes', String(4 * 2 ** 30),
    ],
  };
};
