/** What a local cluster is: where it lives and which addresses and ports it takes. Kept in `cluster.json` of its data directory. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Ports {
  /** HTTPS, the Kubernetes API. */
  readonly api: number;
  /** gRPC, the agents' sessions. */
  readonly nodes: number;
  readonly registry: number;
  readonly etcd: number;
  readonly etcdPeer: number;
}

export interface ClusterSettings {
  /** Names the kubeconfig context and everything that the cluster makes on the host. */
  readonly name: string;
  readonly dataDir: string;
  readonly ports: Ports;
  /** The first three octets of the machines' network; the host has `.1`, node N has `.(10 + N)`. */
  readonly machineNetwork: string;
  /** IPv4 range that pods get their addresses from. */
  readonly podNetwork: string;
}

export const defaultDataDir = '/var/lib/berth';

export const defaultPorts: Ports = { api: 6443, nodes: 6444, registry: 5000, etcd: 2399, etcdPeer: 2398 };

/** Unix sockets' paths hold 107 bytes, and containerd's lie below the data directory. */
export const dataDirCharactersMax = 64;

export const paths = (dataDir: string) => ({
  settings: join(dataDir, 'cluster.json'),
  pki: join(dataDir, 'pki'),
  logs: join(dataDir, 'log'),
  run: join(dataDir, 'run'),
  etcd: join(dataDir, 'etcd'),
  registry: join(dataDir, 'registry'),
  build: join(dataDir, 'build'),
  config: join(dataDir, 'config'),
  nodes: join(dataDir, 'nodes'),
  cache: join(dataDir, 'cache'),
  node: (name: string) => join(dataDir, 'nodes', name),
});

/** All that a cluster puts into its data directory. */
export const ownedPaths = (dataDir: string): readonly string[] =>
  Object.values(paths(dataDir)).filter((path) => typeof path === 'string');

/** A short name that is the cluster's alone on this host: interfaces, namespaces and tables carry it. */
export const hostPrefix = (settings: ClusterSettings): string =>
  settings.dataDir === defaultDataDir ? 'berth' : `bth${createHash('sha256').update(settings.dataDir).digest('hex').slice(0, 5)}`;

export const hostAddress = (settings: ClusterSettings): string => `${settings.machineNetwork}.1`;

export const nodeAddress = (settings: ClusterSettings, index: number): string => `${settings.machineNetwork}.${10 + index}`;

export const registryHost = (settings: ClusterSettings): string => `localhost:${settings.ports.registry}`;

export const pauseImage = (settings: ClusterSettings): string => `${registryHost(settings)}/berth/pause:1`;

export const contextName = (settings: ClusterSettings): string => settings.name;

export const readSettings = (dataDir: string): ClusterSettings | undefined => {
  const file = paths(dataDir).settings;
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ClusterSettings) : undefined;
};

export const writeSettings = (settings: ClusterSettings): void => {
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o711 });
  writeFileSync(paths(settings.dataDir).settings, `${JSON.stringify(settings, undefined, 2)}\n`);
};
