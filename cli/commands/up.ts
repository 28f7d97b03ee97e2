/** berth up: a local cluster. */
import type { Argv } from 'yargs';
import { UsageError } from '../errors.ts';
import { ipRange, overlap } from '../ip-range.ts';
import { down, hasTraces } from '../local/down.ts';
import { exclusively } from '../local/exclusive.ts';
import { checkDataDir, checkHost } from '../local/preflight.ts';
import { createProgress } from '../local/progress.ts';
import {
  type ClusterSettings, controllersMax, defaultDataDir, defaultMachineNetwork, defaultNodes, defaultPodNetwork, defaultPodNetworkMode, defaultPorts, defaultServiceNetwork, defaultSettings, nodeName, nodesMax, podNetworkModes, type Ports,
  readSettings, registryHost, trueDataDir, withMoreNodes,
} from '../local/settings.ts';
import { up } from '../local/up.ts';
import type { Program } from '../program.ts';

export const command = 'up';
export const describe = 'Start a local cluster, or find it in place';

export interface UpArguments {
  dataDir: string;
  name?: string;
  apiPort?: number;
  nodesPort?: number;
  registryPort?: number;
  etcdPort?: number;
  etcdPeerPort?: number;
  machineNetwork?: string;
  podNetwork?: string;
  podNetworkMode?: ClusterSettings['podNetworkMode'];
  nodes?: number;
  controllers?: number;
  etcd?: number;
  print?: 'registry' | 'data-dir';
}

const ports = {
  apiPort: { key: 'api', describe: 'Port of the Kubernetes API' },
  nodesPort: { key: 'nodes', describe: 'Port of the agents’ sessions' },
  registryPort: { key: 'registry', describe: 'Port of the image registry' },
  etcdPort: { key: 'etcd', describe: 'Port of etcd' },
  etcdPeerPort: { key: 'etcdPeer', describe: 'Port of etcd for its peers' },
} as const satisfies Record<string, { key: keyof Ports; describe: string }>;

const flagOf = (key: string): string => `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export const builder = (yargs: Argv): Argv =>
  Object.entries(ports)
    .reduce(
      (all, [key, { key: port, describe: text }]) =>
        all.option(flagOf(key).slice(2), { type: 'number', defaultDescription: String(defaultPorts[port]), describe: text }),
      yargs
        .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'Where the cluster keeps everything' })
        .option('nodes', { type: 'number', requiresArg: true, defaultDescription: String(defaultNodes), describe: 'How many nodes; more than there are adds some' })
        .option('controllers', { type: 'number', requiresArg: true, defaultDescription: '1', describe: 'How many controllers' })
        .option('etcd', { type: 'number', requiresArg: true, defaultDescription: '1', describe: 'How many members etcd has: 1, 3, 5 or 7' })
        .option('name', { type: 'string', defaultDescription: 'berth', describe: 'Name of the kubeconfig context' }),
    )
    .option('machine-network', { type: 'string', defaultDescription: defaultMachineNetwork, describe: 'First three octets of the nodes’ addresses' })
    .option('pod-network', { type: 'string', defaultDescription: defaultPodNetwork, describe: 'Range of the pods’ addresses' })
    .option('pod-network-mode', { type: 'string', choices: podNetworkModes, requiresArg: true, defaultDescription: defaultPodNetworkMode, describe: 'How pods reach those of other nodes' })
    .option('print', { type: 'string', choices: ['registry', 'data-dir'], describe: 'Start nothing, only print this of the cluster' })
    .example('sudo berth up', 'A cluster of three nodes in /var/lib/berth, its API on port 6443')
    .example('sudo berth up --nodes 5 --controllers 3 --etcd 3', 'One that has no single point of failure')
    .example('sudo berth up --data-dir /srv/berth --api-port 7443', 'Somewhere else, on another port');

const countOf = (flag: string, count: number, max: number): number => {
  if (!(Number.isInteger(count) && count >= 1 && count <= max)) throw new UsageError(`${flag} must be a whole number from 1 to ${max}`);
  return count;
};

const etcdCounts = [1, 3, 5, 7];

/** How many of each there are to be. Throws UsageError. */
const wantedCounts = (args: UpArguments, made: ClusterSettings | undefined, base: ClusterSettings): Pick<ClusterSettings, 'nodes' | 'controllers' | 'etcd'> => {
  const count = countOf('--nodes', args.nodes ?? base.nodes.length, nodesMax);
  if (made && count < made.nodes.length) {
    throw new UsageError(`the cluster in ${made.dataDir} has ${made.nodes.length} nodes (${made.nodes.map(nodeName).join(', ')}), more than --nodes ${count}; "berth node remove NAME" takes one away`);
  }
  const etcd = args.etcd ?? base.etcd;
  if (!etcdCounts.includes(etcd)) throw new UsageError(`--etcd ${etcd} must be one of ${etcdCounts.join(', ')}: of an even number no more may fail than of one less`);
  return { nodes: withMoreNodes(made?.nodes ?? [], count), controllers: countOf('--controllers', args.controllers ?? base.controllers, controllersMax), etcd };
};

/** What a cluster was made with holds for its life: a second `up` need not repeat the options, and can change but the number of nodes and controllers. */
const settingsOf = (args: UpArguments): ClusterSettings => {
  const dataDir = trueDataDir(args.dataDir);
  const made = readSettings(dataDir);
  const base = made ?? defaultSettings(dataDir);
  const portNames = Object.keys(ports) as (keyof typeof ports)[];
  for (const name of portNames) {
    const port = args[name];
    if (port !== undefined && !(Number.isInteger(port) && port > 0 && port < 65_536)) throw new UsageError(`${flagOf(name)} must be a port, 1 to 65535`);
  }
  const wanted: ClusterSettings = {
    ...base,
    name: args.name ?? base.name,
    ports: Object.fromEntries(portNames.map((name) => [ports[name].key, args[name] ?? base.ports[ports[name].key]])) as unknown as Ports,
    machineNetwork: args.machineNetwork ?? base.machineNetwork,
    podNetwork: args.podNetwork ?? base.podNetwork,
    podNetworkMode: args.podNetworkMode ?? base.podNetworkMode,
    ...wantedCounts(args, made, base),
  };
  if (!/^[\w.-]+$/.test(wanted.name)) throw new UsageError(`--name ${wanted.name} is no name for a context; use letters, digits, "-" and "."`);
  if (made) refuseChange(made, wanted);
  else checkNetworks(wanted);
  return wanted;
};

const octets = (address: string, count: number): boolean => address.split('.').length === count && address.split('.').every((octet) => /^\d{1,3}$/.test(octet) && Number(octet) < 256);

const checkNetworks = ({ machineNetwork, podNetwork }: ClusterSettings): void => {
  if (!octets(machineNetwork, 3)) throw new UsageError(`--machine-network ${machineNetwork} must be three octets, such as ${defaultMachineNetwork}`);
  const [machines, pods, services] = [`${machineNetwork}.0/24`, podNetwork, defaultServiceNetwork].map((text) => ipRange(text, 24));
  if (!machines || !pods || !services) throw new UsageError(`--pod-network ${podNetwork} must be a range from /8 to /24, such as ${defaultPodNetwork}`);
  const told = [[machines, '--machine-network', pods, 'that of pods'], [machines, '--machine-network', services, 'that of services'], [pods, '--pod-network', services, 'that of services']] as const;
  const wrong = told.find(([one, , other]) => overlap(one, other));
  if (wrong) throw new UsageError(`the range of ${wrong[1]} overlaps ${wrong[3]} (pods ${podNetwork}, services ${defaultServiceNetwork}); choose another`);
};

const refuseChange = (made: ClusterSettings, wanted: ClusterSettings): void => {
  const portFlags = Object.entries(ports).map(([name, { key }]) => [flagOf(name), made.ports[key], wanted.ports[key]] as const);
  const rows = [...portFlags, ...(['name', 'machineNetwork', 'podNetwork', 'podNetworkMode', 'etcd'] as const).map((key) => [flagOf(key), made[key], wanted[key]] as const)];
  const changed = rows.find(([, before, now]) => before !== now);
  if (changed) {
    const [flag, before, now] = changed;
    throw new UsageError(`the cluster in ${made.dataDir} was made with ${flag} ${before} and cannot change to ${now}; leave the option out, make another cluster with --data-dir, or run "berth down" first`);
  }
};

export const run = async (args: UpArguments, program: Program): Promise<void> => {
  if (args.print) {
    const settings = settingsOf(args);
    program.stdout.write(`${args.print === 'registry' ? registryHost(settings) : settings.dataDir}\n`);
    return;
  }
  checkHost();
  const progress = createProgress(program.stderr, program.clock);
  const { clock, env, signal, stderr } = program;
  const dataDir = trueDataDir(args.dataDir);
  try {
    await exclusively(dataDir, () => stderr.write('another berth up or down is at work on this cluster; waiting for it\n'), async () => {
      const settings = settingsOf(args);
      checkDataDir(dataDir);
      if (!readSettings(dataDir) && hasTraces(settings)) {
        stderr.write(`the files of the cluster in ${dataDir} are gone, and it is still running in part; removing the rest first\n`);
        await down({ settings, progress, clock, env, keepData: false });
      }
      await up({ settings, progress, clock, env, signal });
    }, signal);
  } catch (error) {
    if (signal.aborted) stderr.write('interrupted; "berth up" goes on from here, "berth down" removes what there is\n');
    throw error;
  }
};
