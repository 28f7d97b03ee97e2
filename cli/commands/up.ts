/** berth up: a local cluster. */
import type { Argv } from 'yargs';
import { resolve } from 'node:path';
import { createProgress } from '../local/progress.ts';
import { type ClusterSettings, defaultDataDir, defaultPorts, readSettings, registryHost } from '../local/settings.ts';
import { up } from '../local/up.ts';
import type { Program } from '../program.ts';

export const command = 'up';
export const describe = 'Start a local cluster, or find it in place';

export interface UpArguments {
  dataDir: string;
  name: string;
  apiPort: number;
  nodesPort: number;
  registryPort: number;
  etcdPort: number;
  etcdPeerPort: number;
  machineNetwork: string;
  podNetwork: string;
  printRegistry: boolean;
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .option('data-dir', { type: 'string', default: defaultDataDir, describe: 'Where the cluster keeps everything' })
    .option('name', { type: 'string', default: 'berth', describe: 'Name of the kubeconfig context' })
    .option('api-port', { type: 'number', default: defaultPorts.api, describe: 'Port of the Kubernetes API' })
    .option('nodes-port', { type: 'number', default: defaultPorts.nodes, describe: 'Port of the agents’ sessions' })
    .option('registry-port', { type: 'number', default: defaultPorts.registry, describe: 'Port of the image registry' })
    .option('etcd-port', { type: 'number', default: defaultPorts.etcd, describe: 'Port of etcd' })
    .option('etcd-peer-port', { type: 'number', default: defaultPorts.etcdPeer, describe: 'Port of etcd for its peers' })
    .option('machine-network', { type: 'string', default: '10.89.0', describe: 'First three octets of the nodes’ addresses' })
    .option('pod-network', { type: 'string', default: '10.244.0.0/16', describe: 'Range of the pods’ addresses' })
    .option('print-registry', { type: 'boolean', default: false, describe: 'Only print the registry’s name, such as localhost:5000' })
    .example('sudo berth up', 'A cluster in /var/lib/berth, its API on port 6443')
    .example('sudo berth up --data-dir /srv/berth --api-port 7443', 'Somewhere else, on another port');

/** What a cluster was made with holds for its life: a second `up` need not repeat the options. */
const settingsOf = (args: UpArguments): ClusterSettings => {
  const dataDir = resolve(args.dataDir);
  return (
    readSettings(dataDir) ?? {
      name: args.name,
      dataDir,
      ports: { api: args.apiPort, nodes: args.nodesPort, registry: args.registryPort, etcd: args.etcdPort, etcdPeer: args.etcdPeerPort },
      machineNetwork: args.machineNetwork,
      podNetwork: args.podNetwork,
    }
  );
};

export const run = async (args: UpArguments, program: Program): Promise<void> => {
  const settings = settingsOf(args);
  if (args.printRegistry) {
    program.stdout.write(`${registryHost(settings)}\n`);
    return;
  }
  await up({ settings, progress: createProgress(program.stderr, program.clock), clock: program.clock, env: program.env });
};
