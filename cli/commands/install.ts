/** berth install: makes this machine a server or a node of a cluster of several machines. */
import { existsSync, readFileSync } from 'node:fs';
import { isIP, isIPv4 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import { Client } from '../../proto/client.ts';
import { parseJoinToken } from '../../proto/resources/join-token.ts';
import { subdomainName } from '../../proto/resources/names.ts';
import { parseDurationMs } from '../duration.ts';
import { Refused, UsageError } from '../errors.ts';
import { ipRange, overlap } from '../ip-range.ts';
import { hasJoined, installAgent } from '../install/agent.ts';
import { updateKubeconfig } from '../install/kubeconfig.ts';
import { type Layout, layoutOf } from '../install/layout.ts';
import { adminFiles, type EtcdChoice, installServer, isServer, type ServerSettings } from '../install/server.ts';
import { startUnits, type UnitName } from '../install/units.ts';
import { onPath } from '../local/preflight.ts';
import { createProgress } from '../local/progress.ts';
import { defaultPodNetwork, defaultServiceNetwork } from '../local/settings.ts';
import { answers, until } from '../local/readiness.ts';
import type { Program } from '../program.ts';

export const command = 'install <role>';

export interface InstallArguments {
  readonly role: 'server' | 'agent';
  readonly name?: string;
  readonly address?: string;
  readonly server: readonly string[];
  readonly tokenFile?: string;
  readonly apiPort: number;
  readonly nodesPort: number;
  readonly apiName: readonly string[];
  readonly etcd: readonly string[];
  readonly etcdCa?: string;
  readonly etcdCert?: string;
  readonly etcdKey?: string;
  readonly podNetwork?: string;
  readonly podNetworkMode?: string;
  readonly serviceNetwork?: string;
  readonly certificateLifetime: string;
  readonly pauseImage: string;
  readonly root: string;
  readonly start: boolean;
}

const list = { type: 'string', array: true, default: [] } as const;
const [serverGroup, agentGroup] = ['Of a server:', 'Of an agent:'];

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('role', { type: 'string', choices: ['server', 'agent'], describe: 'What this machine becomes' })
    .option('name', { type: 'string', requiresArg: true, defaultDescription: 'the host’s name', describe: 'Of the server or the node' })
    .option('address', { type: 'string', requiresArg: true, defaultDescription: 'the host’s only one', describe: 'Where the other machines reach this one' })
    .option('server', { ...list, describe: 'https://HOST:6443 of a server of the cluster, or of several; a first server has none' })
    .option('token-file', { type: 'string', requiresArg: true, describe: 'Holds a token of "berth token create"; "-" is standard input' })
    .option('root', { type: 'string', requiresArg: true, default: '/', describe: 'Put everything below this folder, and start nothing' })
    .option('start', { type: 'boolean', default: true, describe: 'Start it now and with the machine' })
    .option('api-port', { type: 'number', default: 6443, describe: 'Port of the Kubernetes API', group: serverGroup })
    .option('nodes-port', { type: 'number', default: 6444, describe: 'Port of the agents’ sessions' })
    .option('api-name', { ...list, describe: 'A further name or address of the API, such as a load balancer’s', group: serverGroup })
    .option('etcd', { ...list, describe: 'https://HOST:2379 of an etcd of your own; without it this machine runs one', group: serverGroup })
    .option('etcd-ca', { type: 'string', requiresArg: true, describe: 'The authority of that etcd', group: serverGroup })
    .option('etcd-cert', { type: 'string', requiresArg: true, describe: 'A client’s certificate for it', group: serverGroup })
    .option('etcd-key', { type: 'string', requiresArg: true, describe: 'The certificate’s key', group: serverGroup })
    .option('pod-network', { type: 'string', requiresArg: true, defaultDescription: '10.244.0.0/16', describe: 'Addresses of pods', group: serverGroup })
    .option('pod-network-mode', { type: 'string', choices: ['routes', 'vxlan'], defaultDescription: 'routes', describe: 'vxlan where the nodes are not on one network', group: serverGroup })
    .option('service-network', { type: 'string', requiresArg: true, defaultDescription: '10.96.0.0/16', describe: 'Addresses of services', group: serverGroup })
    .option('certificate-lifetime', { type: 'string', requiresArg: true, default: '365d', describe: 'After two thirds of it certificates are replaced', group: serverGroup })
    .option('pause-image', { type: 'string', requiresArg: true, default: 'registry.k8s.io/pause:3.9', describe: 'What holds a pod’s namespaces', group: agentGroup })
    .example('sudo berth install server', 'The first machine of a cluster, with its own etcd')
    .example('sudo berth install server --server https://10.0.0.1:6443 --token-file token', 'A further server')
    .example('sudo berth install agent --server https://10.0.0.1:6443 --token-file token', 'A node');

const programs: Readonly<Record<string, string>> = {
  etcd: 'etcd-server', containerd: 'containerd', 'containerd-shim-runc-v2': 'containerd', runc: 'runc', nft: 'nftables', ip: 'iproute2', conntrack: 'conntrack', systemctl: 'systemd',
};

/** Throws Refused. */
const checkMachine = (needed: readonly string[]): void => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) throw new Refused('a machine of a cluster is a Linux machine, and set up by root; run it again with sudo');
  const missing = needed.filter((program) => !onPath(program)).map((program) => programs[program]);
  if (missing.length > 0) throw new Refused(`not installed: ${[...new Set(missing)].join(', ')}; "sudo bash deploy/setup.sh" installs all that is needed`);
};

const ownAddress = (): string => {
  const all = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address);
  if (all.length !== 1) throw new UsageError(`say with --address where the other machines reach this one; it has ${all.length === 0 ? 'no address' : all.join(', ')}`);
  return all[0] ?? '';
};

/** Throws UsageError, whose words never hold the token. */
const tokenOf = ({ tokenFile }: InstallArguments): string | undefined => {
  if (tokenFile === undefined) return undefined;
  let token: string;
  try {
    token = readFileSync(tokenFile === '-' ? 0 : tokenFile, 'utf8').trim();
  } catch (error) {
    throw new UsageError(`--token-file ${tokenFile} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (parseJoinToken(token)?.pin === undefined) throw new UsageError(`--token-file ${tokenFile} holds no token as "berth token create" prints it: ID.SECRET.FINGERPRINT`);
  return token;
};

/** What is written is kept from then on, so it has to be right before. Throws UsageError. */
const checkArguments = ({ apiPort, nodesPort, apiName, podNetwork, serviceNetwork }: InstallArguments, name: string, address: string): void => {
  if (!isIPv4(address) || /^(127|0)\./.test(address)) throw new UsageError(`--address ${address} must be an IPv4 address by which the other machines reach this one`);
  if (subdomainName(name).length > 0) throw new UsageError(`--name ${name} must be of small letters, digits, "-" and "."`);
  for (const [flag, port] of [['--api-port', apiPort], ['--nodes-port', nodesPort]] as const) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new UsageError(`${flag} must be a port, 1 to 65535`);
  }
  const badName = apiName.find((text) => isIP(text) === 0 && (/^[\d.]+$/.test(text) || subdomainName(text).length > 0));
  if (badName !== undefined) throw new UsageError(`--api-name ${badName} must be the name or the address of a host`);
  // Each node gets a /24 of the pods' range.
  const [pods, services] = ([['--pod-network', podNetwork ?? defaultPodNetwork, 24], ['--service-network', serviceNetwork ?? defaultServiceNetwork, 30]] as const).map(([flag, text, bitsMax]) => {
    const range = ipRange(text, bitsMax);
    if (!range) throw new UsageError(`${flag} ${text} must be a range from /8 to /${bitsMax}, such as 10.244.0.0/16`);
    return range;
  });
  if (pods && services && overlap(pods, services)) throw new UsageError('the addresses of pods and of services overlap; choose another --pod-network or --service-network');
};

/** Throws UsageError. */
const serversOf = ({ server, role }: InstallArguments): readonly string[] =>
  [...new Set(server.flatMap((text) => text.split(',')).map((text) => {
    if (!/^https:\/\/[^/\s]+$/.test(text) || !URL.canParse(text)) throw new UsageError(`--server ${text} of ${role} must be https://HOST:PORT`);
    return text;
  }))];

const etcdOf = ({ etcd, etcdCa, etcdCert, etcdKey }: InstallArguments): EtcdChoice => {
  const [ca, cert, key] = [etcdCa, etcdCert, etcdKey];
  const endpoints = etcd.flatMap((text) => text.split(','));
  if (endpoints.length === 0) {
    if (ca || cert || key) throw new UsageError('--etcd-ca, --etcd-cert and --etcd-key are of an etcd that --etcd names');
    return { type: 'local' };
  }
  const bad = endpoints.find((text) => !/^https?:\/\/[^/\s]+$/.test(text) || !URL.canParse(text));
  if (bad !== undefined) throw new UsageError(`--etcd ${bad} must be https://HOST:PORT, or http://HOST:PORT where it is spoken to in the clear`);
  const isSecure = endpoints.every((url) => url.startsWith('https://'));
  if (isSecure !== (ca !== undefined && cert !== undefined && key !== undefined)) throw new UsageError('an etcd at https:// needs --etcd-ca, --etcd-cert and --etcd-key, and one at http:// none of them');
  for (const file of [ca, cert, key]) if (file !== undefined && !existsSync(file)) throw new UsageError(`${file} is not there`);
  return { type: 'external', endpoints, ...(ca && cert && key ? { files: { ca, cert, key } } : {}) };
};

/** What a further server is given by the first would be left aside without a word. Throws UsageError. */
const refuseOfFirst = ({ etcd, podNetwork, podNetworkMode, serviceNetwork }: InstallArguments): void => {
  const given = Object.entries({ '--etcd': etcd[0], '--pod-network': podNetwork, '--pod-network-mode': podNetworkMode, '--service-network': serviceNetwork }).find(([, value]) => value !== undefined);
  if (given) throw new UsageError(`${given[0]} is settled by the cluster's first server; leave it out with --server`);
};

const present = (values: Readonly<Record<string, unknown>>): Record<string, unknown> => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Throws UsageError. */
const serverSettings = (args: InstallArguments, name: string, address: string, isNew: boolean): ServerSettings => {
  const urls = serversOf(args);
  if (isNew && urls.length === 0 && args.tokenFile !== undefined) throw new UsageError('a token is for joining a cluster: say with --server https://HOST:6443 which; without either a new one is made');
  if (isNew && urls.length > 0) refuseOfFirst(args);
  const token = isNew && urls.length > 0 ? tokenOf(args) : undefined;
  if (isNew && urls.length > 0 && token === undefined) throw new UsageError('a further server needs a token: --token-file, of "berth token create --usage server"');
  const lifetimeMs = parseDurationMs(args.certificateLifetime, '--certificate-lifetime');
  if (lifetimeMs < 30_000) throw new UsageError('--certificate-lifetime must be 30s or more');
  const { podNetwork, podNetworkMode, serviceNetwork } = args;
  return {
    name, address, apiPort: args.apiPort, nodesPort: args.nodesPort, names: args.apiName, certificateLifetimeSeconds: Math.round(lifetimeMs / 1_000), etcd: etcdOf(args),
    ...(token === undefined ? {} : { join: { urls, token } }),
    cluster: present({ podNetwork, podNetworkMode, serviceNetwork }),
  };
};

/** What has been written, and how it is seen that it works. */
interface Installed {
  readonly units: readonly UnitName[];
  /** Otherwise its settings were there before, and have stayed. */
  readonly isNew: boolean;
  readonly log: string;
  readonly isUp: (signal: AbortSignal) => Promise<boolean>;
  /** What can be done only then. */
  readonly settle?: (signal: AbortSignal) => Promise<void>;
  readonly next: string;
}

const server = async (args: InstallArguments, layout: Layout, name: string, address: string, { clock }: Program): Promise<Installed> => {
  const isNew = !isServer(layout);
  const settings = serverSettings(args, name, address, isNew);
  checkMachine([...(args.start && args.root === '/' ? ['systemctl'] : []), ...(isNew && settings.etcd.type === 'local' && !settings.join ? ['etcd'] : [])]);
  const units = await installServer(layout, settings);
  const ask = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ server: `https://127.0.0.1:${args.apiPort}`, ...adminFiles(layout) }, clock);
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };
  return {
    units,
    isNew,
    log: 'journalctl -u berth-controller -u berth-etcd',
    isUp: (signal) => ask((client) => answers(client.text('GET', '/readyz', { signal }))),
    settle: (signal) => ask((client) => updateKubeconfig(layout, client, signal)),
    next: `KUBECONFIG=${layout.config('admin.kubeconfig')} berth token create`,
  };
};

const agent = async (args: InstallArguments, layout: Layout, name: string, address: string, { clock }: Program): Promise<Installed> => {
  const servers = serversOf(args);
  const isNew = !existsSync(layout.config('agent.yaml'));
  const joined = (): boolean => hasJoined(layout, clock.nowMs());
  if (servers.length === 0) throw new UsageError('say with --server https://HOST:6443 which cluster this node is to join');
  const token = joined() ? undefined : tokenOf(args);
  if (!joined() && token === undefined) throw new UsageError('a node needs a token to join: --token-file, of "berth token create"');
  checkMachine([...(args.start && args.root === '/' ? ['systemctl'] : []), 'containerd', 'containerd-shim-runc-v2', 'runc', 'nft', 'ip', 'conntrack']);
  const units = installAgent(layout, { name, address, servers, nodesPort: args.nodesPort, pauseImage: args.pauseImage, ...(token === undefined ? {} : { token }) });
  return { units, isNew, log: 'journalctl -u berth-agent', isUp: async () => joined(), next: `berth get node ${name}` };
};

export const run = async (args: InstallArguments, program: Program): Promise<void> => {
  const progress = createProgress(program.stderr, program.clock);
  const root = resolve(args.root);
  const layout = layoutOf(root);
  const [name, address] = [args.name ?? hostname().toLowerCase(), args.address ?? ownAddress()];
  checkArguments(args, name, address);
  const { units, log, isUp, settle, next } = await progress.step(`${args.role} ${name} installed`, async (note) => {
    const installed = await (args.role === 'server' ? server(args, layout, name, address, program) : agent(args, layout, name, address, program));
    note(`settings in ${layout.config('')}${installed.isNew ? '' : ' stay as they were'}`);
    return installed;
  });
  if (!args.start || root !== '/') {
    program.stderr.write(`not started: ${units.map((unit) => `${unit}.service`).join(', ')}\n`);
    return;
  }
  await progress.step(`${units.join(', ')} started`, () => startUnits(units));
  await progress.step(args.role === 'server' ? 'the API answers' : 'the node has joined', () =>
    until(args.role === 'server' ? 'the API' : 'the node', log, { clock: program.clock, signal: program.signal }, isUp));
  await settle?.(program.signal);
  program.stderr.write(`next: ${next}\n`);
};
