/** What a local cluster is: where it lives and which addresses and ports it takes. Kept in `cluster.json` of its data directory. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { writeDurably } from '../../proto/process/durable-file.ts';
import type { PodNetworkMode } from '../../proto/node-service.ts';

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
  readonly podNetworkMode: PodNetworkMode;
  /** Numbers of its nodes, ascending; those of removed ones are given again. */
  readonly nodes: readonly number[];
  readonly controllers: number;
  /** Members of etcd; settled for the cluster's life. */
  readonly etcd: number;
}

export const defaultDataDir = '/var/lib/berth';

export const defaultPorts: Ports = { api: 6443, nodes: 6444, registry: 5000, etcd: 2399, etcdPeer: 2398 };

export const defaultMachineNetwork = '10.89.0';
export const defaultPodNetwork = '10.244.0.0/16';
/** The controller's own default, which a local cluster has. */
export const defaultServiceNetwork = '10.96.0.0/16';
export const podNetworkModes = ['routes', 'vxlan'] as const satisfies readonly PodNetworkMode[];
export const defaultPodNetworkMode: PodNetworkMode = 'routes';

export const defaultNodes = 3;
/** What the machines' network has addresses for. */
export const nodesMax = 244;
export const controllersMax = 9;

export const defaultSettings = (dataDir: string): ClusterSettings => ({
  name: 'berth', dataDir, ports: defaultPorts, machineNetwork: defaultMachineNetwork, podNetwork: defaultPodNetwork, podNetworkMode: defaultPodNetworkMode,
  nodes: withMoreNodes([], defaultNodes), controllers: 1, etcd: 1,
});

/** Settings of a cluster that was made before there was a choice. */
const single = { nodes: [1], controllers: 1, etcd: 1, podNetworkMode: defaultPodNetworkMode } as const;

/** The numbers of `count` nodes: those there are, and the lowest free ones. */
export const withMoreNodes = (nodes: readonly number[], count: number): readonly number[] => {
  const all = [...nodes];
  for (let index = 1; all.length < count; index += 1) if (!all.includes(index)) all.push(index);
  return all.toSorted((a, b) => a - b);
};

/** Unix sockets' paths hold 107 bytes, and containerd's lie below the data directory. */
export const dataDirCharactersMax = 64;

export const paths = (dataDir: string) => ({
  settings: join(dataDir, 'cluster.json'),
  pki: join(dataDir, 'pki'),
  logs: join(dataDir, 'log'),
  run: join(dataDir, 'run'),
  etcd: join(dataDir, 'etcd'),
  etcdPeers: join(dataDir, 'etcd-peers'),
  restore: join(dataDir, 'restore'),
  registry: join(dataDir, 'registry'),
  build: join(dataDir, 'build'),
  config: join(dataDir, 'config'),
  nodes: join(dataDir, 'nodes'),
  cache: join(dataDir, 'cache'),
  node: (name: string) => join(dataDir, 'nodes', name),
});

/** All that a cluster puts into its data directory; what tells that there is a cluster comes last, so that a removal that is cut off can go on. */
export const ownedPaths = (dataDir: string): readonly string[] => {
  const { settings, ...rest } = paths(dataDir);
  return [...Object.values(rest).filter((path) => typeof path === 'string'), settings];
};

/** The directory's one true name: mounts below it are found by that, whatever links lead there. */
export const trueDataDir = (path: string): string => {
  const wanted = resolve(path);
  if (existsSync(wanted)) return realpathSync(wanted);
  return dirname(wanted) === wanted ? wanted : join(trueDataDir(dirname(wanted)), basename(wanted));
};

/** A short name that is the cluster's alone on this host: interfaces, namespaces and tables carry it. */
export const hostPrefix = (settings: ClusterSettings): string =>
  settings.dataDir === defaultDataDir ? 'berth' : `bth${createHash('sha256').update(settings.dataDir).digest('hex').slice(0, 5)}`;

export const hostAddress = (settings: ClusterSettings): string => `${settings.machineNetwork}.1`;

/** Names of etcd's members and of controllers: `etcd`, `etcd-2`, `etcd-3`; the first is named as the only one is. */
export const memberName = (kind: 'etcd' | 'controller', index: number): string => (index === 1 ? kind : `${kind}-${index}`);

export const nodeName = (index: number): string => `node-${index}`;

export const nodeAddress = (settings: ClusterSettings, index: number): string => `${settings.machineNetwork}.${10 + index}`;

export const registryHost = (settings: ClusterSettings): string => `localhost:${settings.ports.registry}`;

export const pauseImage = (settings: ClusterSettings): string => `${registryHost(settings)}/berth/pause:1`;

export const contextName = (settings: ClusterSettings): string => settings.name;

/** The settings' file is there and holds none; `message` says what to do. */
export class SettingsBroken extends Error {
  override readonly name = 'SettingsBroken';
}

export const readSettings = (dataDir: string): ClusterSettings | undefined => {
  const file = paths(dataDir).settings;
  if (!existsSync(file)) return undefined;
  try {
    return { ...single, ...(JSON.parse(readFileSync(file, 'utf8')) as ClusterSettings) };
  } catch {
    throw new SettingsBroken(`${file} is not the JSON that berth up wrote; delete that file and run "berth down", which then removes what is left of the cluster`);
  }
};

/** Written whole or not at all. */
export const writeSettings = (settings: ClusterSettings): void => {
  const file = paths(settings.dataDir).settings;
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o711 });
  writeDurably(file, `${JSON.stringify(settings, undefined, 2)}\n`, 0o644);
};
