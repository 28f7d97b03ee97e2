/** What must be so before a local cluster can start; each failing check is one line that says what to do. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { hostEnvironment } from './command.ts';
import { type ClusterSettings, dataDirCharactersMax, ownedPaths, paths, type Ports } from './settings.ts';

export class PreflightFailed extends Error {
  override readonly name = 'PreflightFailed';
}

const diskFreeBytesMin = 2 * 10 ** 9;

const programs: Readonly<Record<string, string>> = {
  etcd: 'etcd-server', containerd: 'containerd', 'containerd-shim-runc-v2': 'containerd', runc: 'runc', nft: 'nftables', iptables: 'iptables',
  ip: 'iproute2', 'docker-registry': 'docker-registry', buildah: 'buildah', catatonit: 'catatonit', nsenter: 'util-linux',
};

/** Whether the host has the program, where root finds it. */
export const onPath = (program: string): boolean =>
  (hostEnvironment(process.env)['PATH'] ?? '').split(delimiter).some((dir) => {
    try {
      accessSync(join(dir, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

/** Root on Linux, and every program there. Throws PreflightFailed. */
export const checkHost = (): void => {
  if (process.platform !== 'linux') throw new PreflightFailed(`a local cluster needs Linux, and this is ${process.platform}; use a Linux machine or virtual machine`);
  if (process.getuid?.() !== 0) throw new PreflightFailed('a local cluster needs root for its namespaces and containers; run it again with sudo');
  const missing = [...new Set(Object.entries(programs).filter(([program]) => !onPath(program)).map(([, debianPackage]) => debianPackage))];
  if (missing.length > 0) throw new PreflightFailed(`not installed: ${missing.join(', ')}; run "npm start", which installs them, or: apt-get install -y ${missing.join(' ')}`);
};

/** A folder of somebody else's that is named like one of a cluster's would be written to, and deleted in the end. Throws PreflightFailed. */
export const checkDataDir = (dataDir: string): void => {
  if (existsSync(paths(dataDir).settings)) return;
  const foreign = ownedPaths(dataDir).find((path) => existsSync(path));
  if (foreign) throw new PreflightFailed(`${foreign} is there already, without a cluster; choose another --data-dir, or, if it is left over from a cluster, run "berth down --data-dir ${dataDir}"`);
};

const nearestExisting = (path: string): string => (existsSync(path) ? path : nearestExisting(dirname(path)));

/** Room for the data; makes nothing. Throws PreflightFailed. */
export const checkDisk = (settings: ClusterSettings, freeBytesMin = diskFreeBytesMin): void => {
  if (settings.dataDir.length > dataDirCharactersMax) {
    throw new PreflightFailed(`--data-dir ${settings.dataDir} is longer than ${dataDirCharactersMax} characters, too long for the sockets below it; choose a shorter one`);
  }
  const { bavail, bsize } = statfsSync(nearestExisting(settings.dataDir));
  if (bavail * bsize < freeBytesMin) {
    throw new PreflightFailed(`${settings.dataDir} has ${(bavail * bsize / 1e9).toFixed(1)} GB free and a cluster needs ${freeBytesMin / 1e9} GB; free some or choose another place with --data-dir`);
  }
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });

const portFlags: Readonly<Record<keyof Ports, string>> = {
  api: '--api-port', nodes: '--nodes-port', registry: '--registry-port', etcd: '--etcd-port', etcdPeer: '--etcd-peer-port',
};

/** None of these ports is somebody else's. Throws PreflightFailed. */
export const checkPorts = async (ports: Ports, names: readonly (keyof Ports)[]): Promise<void> => {
  for (const name of names) {
    const flag = portFlags[name];
    if (!(await isFree(ports[name]))) {
      throw new PreflightFailed(`port ${ports[name]} (${name}) is taken by another program; stop it (ss -ltnp "sport = :${ports[name]}" shows it) or choose another with ${flag}`);
    }
  }
};
