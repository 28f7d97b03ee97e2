/** The cluster's processes besides etcd, with the files that they start from. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { command } from './command.ts';
import type { ProcessSpec } from './processes.ts';
import { type ClusterSettings, hostAddress, hostPrefix, nodeAddress, paths } from './settings.ts';
import { etcdMembers } from './etcd.ts';
import { cniConfigDir, configureContainerd, containerdSocket } from './containerd.ts';
import { namespacePath } from './host-network.ts';
import { pauseImage, registryHost } from './settings.ts';

const program = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A program of Berth and the flags of Node.js that it runs with. */
interface NodeScript {
  readonly path: string;
  readonly flags: readonly string[];
}

/** A small young generation: these programs hold little garbage at a time, and idle memory counts. */
const frugal = ['--max-semi-space-size=1', '--v8-pool-size=1'];

const controllerScript: NodeScript = { path: 'controller/main.ts', flags: frugal };

/**
 * Without the middle compiler the agent of 50 pods holds 97 MB instead of 108, and with code that is kept small 92 MB instead of 101; neither takes
 * more time (measured).
 */
export const agentScript: NodeScript = { path: 'agent/main.ts', flags: [...frugal, '--no-maglev', '--optimize-for-size'] };

const nodeEnvironment = (settings: ClusterSettings): Record<string, string> => ({
  NODE_COMPILE_CACHE: paths(settings.dataDir).cache,
  NODE_ENV: 'production',
  // The C library would keep a pool of freed memory for each thread.
  MALLOC_ARENA_MAX: '2',
});

/** Programs of Berth run on the Node.js that the project brought, with their compiled form kept between starts. */
const nodeProgram = (settings: ClusterSettings, name: string, { path, flags }: NodeScript, configFile: string): ProcessSpec => ({
  name,
  program: process.execPath,
  args: [...flags, program(path), '--config', configFile],
  env: nodeEnvironment(settings),
});

/**
 * Fills the cache of compiled code before the programs start: one that strips types and compiles by itself keeps the
 * compiler in memory for its life, 25 MB more (measured; 100 MB against 75 MB with everything loaded).
 */
export const compilePrograms = async (settings: ClusterSettings): Promise<void> => {
  const env = { ...process.env, ...nodeEnvironment(settings) };
  const compile = ({ path, flags }: NodeScript): Promise<string> => command(process.execPath, [...flags, program(path), '--version'], { env });
  await Promise.all([compile(controllerScript), compile(agentScript)]);
};

export const registryService = (settings: ClusterSettings): ProcessSpec => {
  const { registry, config } = paths(settings.dataDir);
  mkdirSync(config, { recursive: true });
  mkdirSync(registry, { recursive: true });
  const file = join(config, 'registry.yaml');
  writeFileSync(file, stringify({
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: registry }, delete: { enabled: true } },
    http: { addr: `:${settings.ports.registry}` },
  }));
  return { name: 'registry', program: 'docker-registry', args: ['serve', file] };
};

/** File descriptors at which a controller finds the listening sockets that it shares with the others. */
const [apiSocketFd, nodesSocketFd] = [3, 4];

export const controllerService = (settings: ClusterSettings, name: string, index: number): ProcessSpec => {
  const { pki, config } = paths(settings.dataDir);
  const file = join(config, `${name}.yaml`);
  writeFileSync(file, stringify({
    name: `controller-${index}`,
    api: { socketFd: apiSocketFd, advertised: [`${hostAddress(settings)}:${settings.ports.api}`] },
    nodes: { socketFd: nodesSocketFd, advertised: [`${hostAddress(settings)}:${settings.ports.nodes}`] },
    // All are on this machine; each needs a port of its own, as the others lead to whichever accepts.
    peers: { address: '127.0.0.1', port: 0 },
    tls: {
      authorityCertificate: join(pki, 'ca.crt'), authorityKey: join(pki, 'ca.key'),
      certificate: join(pki, 'controller.crt'), key: join(pki, 'controller.key'),
    },
    etcd: {
      endpoints: etcdMembers(settings).map(({ clientUrl }) => clientUrl),
      tls: { authorityCertificate: join(pki, 'etcd-ca.crt'), authorityKey: join(pki, 'etcd-ca.key'), certificate: join(pki, 'etcd-client.crt'), key: join(pki, 'etcd-client.key') },
    },
    renews: [
      ...etcdMembers(settings).map((member) => ({ certificate: join(pki, `${member.name}.crt`), authorityCertificate: join(pki, 'etcd-ca.crt'), authorityKey: join(pki, 'etcd-ca.key') })),
      { certificate: join(pki, 'admin.crt'), authorityCertificate: join(pki, 'ca.crt'), authorityKey: join(pki, 'ca.key') },
    ],
    podNetwork: settings.podNetwork,
    podNetworkMode: settings.podNetworkMode,
  }));
  return nodeProgram(settings, name, controllerScript, file);
};

export interface NodeFiles {
  readonly containerd: ProcessSpec;
  readonly agent: ProcessSpec;
  /** Where the agent finds its join token on its first start. */
  readonly tokenFile: string;
  /** Exists once the node has joined. */
  readonly certificateFile: string;
}

export const nodeConfigFile = (settings: ClusterSettings, name: string): string => join(paths(settings.dataDir).config, `${name}.yaml`);

/** Names of a node's processes, in the order in which they are stopped. */
export const nodeProcesses = (name: string): readonly [agent: string, containerd: string] => [`${name}-agent`, `${name}-containerd`];

/** A node: a containerd and an agent, both inside its network namespace. */
export const nodeServices = (settings: ClusterSettings, name: string, index: number): NodeFiles => {
  const { node, run } = paths(settings.dataDir);
  const [agent, containerd] = nodeProcesses(name);
  const rootDir = node(name);
  const stateDir = join(run, name);
  const containerdArgs = configureContainerd({
    rootDir,
    stateDir,
    pauseImage: pauseImage(settings),
    registry: { name: registryHost(settings), address: `${hostAddress(settings)}:${settings.ports.registry}` },
    cniPluginsDir: '/usr/lib/cni',
  });
  const file = nodeConfigFile(settings, name);
  const tokenFile = join(rootDir, 'join-token');
  writeFileSync(file, stringify({
    nodeName: name,
    nodeAddress: nodeAddress(settings, index),
    dataDir: join(rootDir, 'agent'),
    controllers: [`${hostAddress(settings)}:${settings.ports.nodes}`],
    join: { url: `https://${hostAddress(settings)}:${settings.ports.api}`, tokenFile },
    containerd: { socket: containerdSocket(stateDir), cniConfigDir: cniConfigDir(rootDir) },
    cgroupParent: `/${hostPrefix(settings)}/${name}`,
  }));
  const inside = (spec: ProcessSpec): ProcessSpec => ({
    ...spec,
    program: 'nsenter',
    args: [`--net=${namespacePath(settings, name)}`, spec.program, ...spec.args],
  });
  return {
    containerd: inside({ name: containerd, program: 'containerd', args: containerdArgs }),
    agent: inside(nodeProgram(settings, agent, agentScript, file)),
    tokenFile,
    certificateFile: join(rootDir, 'agent', 'identity', 'node.crt'),
  };
};
