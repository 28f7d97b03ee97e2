/**
 * The pod network on this node, as CNI plugins set it up: a bridge with the node's subnet, addresses from host-local, and
 * host ports. containerd reads the file when it appears or changes; written only when it does change.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rows } from './command.ts';

const fileName = '10-berth.conflist';
const defaultMtu = 1_500;

/** Where host-local keeps the addresses that it has given. */
export const leasesDirOf = (dataDir: string): string => join(dataDir, 'cni-leases');

/**
 * The network list for a node's subnet; see the bridge, host-local and portmap plugins for the fields. `leasesDir` is where
 * host-local keeps the addresses it has given: the node's own, since nodes of one machine share the default.
 */
export const networkList = (podCidr: string, mtu: number, leasesDir: string, bridge = 'berth0'): object => ({
  cniVersion: '0.4.0',
  name: 'berth',
  plugins: [
    {
      type: 'bridge',
      bridge,
      isGateway: true,
      // A node that was made anew may have got another subnet.
      forceAddress: true,
      // One rule for all pods does it: see masquerade.ts.
      ipMasq: false,
      // A pod may reach itself through a service.
      hairpinMode: true,
      mtu,
      ipam: { type: 'host-local', dataDir: leasesDir, ranges: [[{ subnet: podCidr }]], routes: [{ dst: '0.0.0.0/0' }] },
    },
    { type: 'portmap', capabilities: { portMappings: true }, snat: true },
  ],
});

/** The interface of the default route in /proc/net/route; undefined when there is none. */
export const uplinkIn = (routes: string): string | undefined =>
  routes
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .find(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')?.[0];

/** As `ip -j address show` prints it. */
export interface Link {
  readonly ifname: string;
  readonly mtu: number;
  readonly addr_info?: readonly { readonly local?: string }[];
}

/** The MTU of the interface that has the node's address, through which other nodes are reached, or of the uplink, or Ethernet's. */
export const mtuAmong = (links: readonly Link[], nodeIp: string, uplink: string | undefined): number => {
  const owner = links.find(({ addr_info: addresses }) => addresses?.some(({ local }) => local === nodeIp));
  return (owner ?? links.find(({ ifname }) => ifname === uplink))?.mtu ?? defaultMtu;
};

/** Throws CommandFailed. */
export const uplinkMtu = async (nodeIp: string): Promise<number> =>
  mtuAmong(await rows<Link>('ip', 'address', 'show'), nodeIp, uplinkIn(await readFile('/proc/self/net/route', 'utf8')));

/** Writes the network list into `confDir` when it differs; true when it was written. */
export const writeNetworkList = async (confDir: string, list: object): Promise<boolean> => {
  const path = join(confDir, fileName);
  const text = `${JSON.stringify(list, undefined, 2)}\n`;
  const present = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present === text) return false;
  await mkdir(confDir, { recursive: true });
  // Not *.conflist, or containerd would read the unfinished file.
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
  return true;
};
