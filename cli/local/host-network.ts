/**
 * The network between the host and the machines that it plays: a bridge, and for each node a network namespace with
 * one leg on it. Everything carries the cluster's prefix, so that it can be found and removed, also after a crash.
 *
 *     host  PREFIX0 (.1) ──┬── PREFIXn1 ═ eth0 (.11) node-1
 *                          └── PREFIXn2 ═ eth0 (.12) node-2
 */
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { command, succeeds } from './command.ts';
import { type ClusterSettings, hostAddress, hostPrefix, nodeAddress, paths } from './settings.ts';

export const bridgeName = (settings: ClusterSettings): string => `${hostPrefix(settings)}0`;

export const namespaceName = (settings: ClusterSettings, nodeName: string): string => `${hostPrefix(settings)}-${nodeName}`;

export const namespacePath = (settings: ClusterSettings, nodeName: string): string => `/run/netns/${namespaceName(settings, nodeName)}`;

const forwardingFile = '/proc/sys/net/ipv4/ip_forward';

const hasLink = (name: string): Promise<boolean> => succeeds('ip', ['link', 'show', 'dev', name]);

/**
 * One table of the cluster's own: the registry answers to this host and its nodes only, as it asks for no password;
 * what nodes send elsewhere leaves with the host's address.
 */
const ruleset = (settings: ClusterSettings): string => {
  const bridge = bridgeName(settings);
  const network = `${settings.machineNetwork}.0/24`;
  return `
table inet ${hostPrefix(settings)}
delete table inet ${hostPrefix(settings)}
table inet ${hostPrefix(settings)} {
  chain input {
    type filter hook input priority 0; policy accept;
    tcp dport ${settings.ports.registry} iifname != { "lo", "${bridge}" } reject with tcp reset
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr { ${network}, ${settings.podNetwork} } oifname != { "lo", "${bridge}" } masquerade
  }
}
`;
};

/** Rules of iptables that let packets from and to the nodes pass, where Docker or a firewall refuses all that it does not know. */
const passes = (settings: ClusterSettings): readonly (readonly string[])[] =>
  ['-i', '-o'].map((direction) => ['FORWARD', direction, bridgeName(settings), '-m', 'comment', '--comment', hostPrefix(settings), '-j', 'ACCEPT']);

const allowForwarding = async (settings: ClusterSettings): Promise<void> => {
  const chain = await command('iptables', ['-w', '-S', 'FORWARD']).catch(() => '');
  if (!chain.startsWith('-P FORWARD DROP')) return;
  for (const rule of passes(settings)) {
    if (!(await succeeds('iptables', ['-w', '-C', ...rule]))) await command('iptables', ['-w', '-I', ...rule]);
  }
};

/** Makes the bridge and the rules. Idempotent. */
export const createHostNetwork = async (settings: ClusterSettings): Promise<void> => {
  const bridge = bridgeName(settings);
  if (!(await hasLink(bridge))) await command('ip', ['link', 'add', bridge, 'type', 'bridge']);
  await command('ip', ['addr', 'replace', `${hostAddress(settings)}/24`, 'dev', bridge]);
  await command('ip', ['link', 'set', bridge, 'up']);
  const before = readFileSync(forwardingFile, 'utf8').trim();
  if (before !== '1') {
    writeFileSync(join(paths(settings.dataDir).run, 'ip_forward'), before);
    writeFileSync(forwardingFile, '1');
  }
  await command('nft', ['-f', '-'], { input: ruleset(settings) });
  await allowForwarding(settings);
};

/** The host's leg of a node: taken down, it is the node's cable pulled out. */
export const linkName = (settings: ClusterSettings, index: number): string => `${hostPrefix(settings)}n${index}`;

/** The node's own for ever, as a machine's is: others would send to the one that they remember. */
const hardwareAddress = (settings: ClusterSettings, index: number): string =>
  ['02', '00', ...nodeAddress(settings, index).split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'))].join(':');

const ip = (lines: readonly string[], ...options: string[]): Promise<string> => command('ip', [...options, '-batch', '-'], { input: `${lines.join('\n')}\n` });

/** Makes a node's namespace, named after the node, with its address on the bridge. Idempotent. */
export const createNodeNetwork = async (settings: ClusterSettings, nodeName: string, index: number): Promise<void> => {
  const namespace = namespaceName(settings, nodeName);
  const host = linkName(settings, index);
  const path = namespacePath(settings, nodeName);
  if (!(await succeeds('nsenter', [`--net=${path}`, 'true']))) {
    rmSync(path, { force: true });
    // Its other end may live on in a namespace that has lost its name.
    await succeeds('ip', ['link', 'del', host]);
    await command('ip', ['netns', 'add', namespace]);
  }
  const isNew = !(await hasLink(host));
  await ip([
    ...(isNew ? [`link add ${host} type veth peer name eth0 address ${hardwareAddress(settings, index)} netns ${namespace}`] : []),
    `link set ${host} master ${bridgeName(settings)} up`,
  ]);
  await ip([
    'link set lo up',
    `addr replace ${nodeAddress(settings, index)}/24 dev eth0`,
    'link set eth0 up',
    `route replace default via ${hostAddress(settings)}`,
  ], '-n', namespace);
  await command('nsenter', [`--net=${path}`, 'sh', '-c', `echo 1 > ${forwardingFile}`]);
};

/** Cuts a node off, and removes its namespace with all that is in it. */
export const removeNodeNetwork = async (settings: ClusterSettings, nodeName: string, index: number): Promise<void> => {
  await succeeds('ip', ['link', 'del', linkName(settings, index)]);
  const path = namespacePath(settings, nodeName);
  if (existsSync(path) && !(await succeeds('ip', ['netns', 'del', namespaceName(settings, nodeName)]))) rmSync(path, { force: true });
};

/** Nothing gets to the node or from it any more. */
export const cutNode = (settings: ClusterSettings, index: number): Promise<boolean> => succeeds('ip', ['link', 'set', linkName(settings, index), 'down']);

const routesVia = async (settings: ClusterSettings, index: number): Promise<readonly string[]> =>
  (await command('ip', ['route', 'show', 'via', nodeAddress(settings, index), 'dev', bridgeName(settings)]))
    .split('\n').map((line) => line.split(' ')[0] ?? '').filter((range) => range !== '');

/** Lets the host reach the pods of a node: `podCidr`, and no range that it had before; none at all without one. */
export const routePods = async (settings: ClusterSettings, index: number, podCidr?: string): Promise<void> => {
  const via = `via ${nodeAddress(settings, index)} dev ${bridgeName(settings)}`;
  const stale = (await routesVia(settings, index)).filter((range) => range !== podCidr);
  await ip([...(podCidr ? [`route replace ${podCidr} ${via}`] : []), ...stale.map((range) => `route del ${range} ${via}`)]);
};

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const namespacesOf = (settings: ClusterSettings): readonly string[] => namesIn('/run/netns').filter((name) => name.startsWith(`${hostPrefix(settings)}-`));

const linksOf = (settings: ClusterSettings): readonly string[] =>
  namesIn('/sys/class/net').filter((name) => new RegExp(`^${hostPrefix(settings)}(0|n\\d+)$`).test(name));

/** Whether something of the cluster's network is there. */
export const hasNetwork = (settings: ClusterSettings): boolean => namespacesOf(settings).length > 0 || linksOf(settings).length > 0;

/** Turned off again only where nobody else can have come to need it: another bridge is another network of containers or machines. */
const restoreForwarding = (settings: ClusterSettings): void => {
  const file = join(paths(settings.dataDir).run, 'ip_forward');
  const othersBridge = namesIn('/sys/class/net').some((name) => existsSync(`/sys/class/net/${name}/bridge`));
  if (existsSync(file) && !othersBridge) writeFileSync(forwardingFile, readFileSync(file, 'utf8'));
};

/** Removes all that the two above made, whatever is left of it. */
export const removeNetwork = async (settings: ClusterSettings): Promise<void> => {
  for (const name of namespacesOf(settings)) {
    // A name without a namespace behind it is what a restart of the machine, or a cut-off `up`, leaves.
    if (!(await succeeds('ip', ['netns', 'del', name]))) rmSync(`/run/netns/${name}`, { force: true });
  }
  for (const link of linksOf(settings)) await succeeds('ip', ['link', 'del', link]);
  await succeeds('nft', ['delete', 'table', 'inet', hostPrefix(settings)]);
  for (const rule of passes(settings)) await succeeds('iptables', ['-w', '-D', ...rule]);
  restoreForwarding(settings);
};
