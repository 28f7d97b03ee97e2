/**
 * Pods reach those of other nodes through a VXLAN device where the nodes are not on one network. The kernel learns nothing
 * and asks nobody: who is behind which address comes from the list of nodes, so no packet is flooded. Pure.
 *
 *     10.244.2.7 ── route ──► 10.244.2.0 on berth-vx ── neighbour ──► MAC ── forwarding entry ──► the node's address
 *
 * The device of a node has the first address of its subnet, which no pod gets, and a MAC made from the node's address,
 * so that nobody need publish either.
 */
import type { Peer } from './network-state.ts';
import type { Route } from './routes.ts';

export const vxlanDevice = 'berth-vx';
/** What the outer Ethernet, IP, UDP and VXLAN headers take. */
export const vxlanOverheadBytes = 50;
const networkId = 98;
/** IANA's for VXLAN. */
const udpPort = 4_789;

/** Locally administered; the last four bytes are the node's IPv4 address. */
export const vxlanMac = (address: string): string =>
  ['0a', 'be', ...address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':');

const firstAddress = (podCidr: string): string => podCidr.split('/')[0] ?? '';

export interface VxlanSettings {
  readonly nodeAddress: string;
  readonly podCidr: string;
  readonly mtu: number;
}

/** As `ip -j -d address show` prints it. */
export interface Device {
  readonly mtu: number;
  readonly address: string;
  readonly linkinfo?: { readonly info_data?: { readonly id?: number; readonly local?: string; readonly port?: number } };
  readonly addr_info?: readonly { readonly family: string; readonly local: string }[];
}

const isAsWanted = (device: Device, { nodeAddress, podCidr, mtu }: VxlanSettings): boolean => {
  const data = device.linkinfo?.info_data;
  return data?.id === networkId && data.local === nodeAddress && data.port === udpPort && device.address === vxlanMac(nodeAddress) && device.mtu === mtu &&
    device.addr_info?.find(({ family }) => family === 'inet')?.local === firstAddress(podCidr);
};

/** Lines for `ip -batch` that make the device, anew when something else has its name; none when it is right. */
export const deviceChanges = (present: Device | undefined, settings: VxlanSettings): string[] => {
  if (present && isAsWanted(present, settings)) return [];
  const { nodeAddress, podCidr, mtu } = settings;
  return [
    ...(present ? [`link del ${vxlanDevice}`] : []),
    `link add ${vxlanDevice} address ${vxlanMac(nodeAddress)} mtu ${mtu} type vxlan id ${networkId} local ${nodeAddress} dstport ${udpPort} nolearning`,
    `address add ${firstAddress(podCidr)}/32 dev ${vxlanDevice}`,
    `link set ${vxlanDevice} up`,
  ];
};

export const vxlanRoutes = (peers: Iterable<Peer>): Route[] =>
  [...peers].map(({ podCidr }) => ({ dst: podCidr, gateway: firstAddress(podCidr), dev: vxlanDevice }));

/** As `ip -j neighbour show` prints it. */
export interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
}

/** Lines for `ip -batch`. */
export const neighbourChanges = (present: readonly Neighbour[], peers: readonly Peer[]): string[] => {
  const wanted = new Map(peers.map(({ podCidr, address }) => [firstAddress(podCidr), vxlanMac(address)]));
  const held = new Map(present.map(({ dst, lladdr }) => [dst, lladdr]));
  return [
    ...present.filter(({ dst }) => !wanted.has(dst)).map(({ dst }) => `neighbour del ${dst} dev ${vxlanDevice}`),
    ...[...wanted].filter(([dst, mac]) => held.get(dst) !== mac).map(([dst, mac]) => `neighbour replace ${dst} lladdr ${mac} dev ${vxlanDevice} nud permanent`),
  ];
};

/** As `bridge -j fdb show` prints it. */
export interface Forwarding {
  readonly mac: string;
  readonly dst?: string;
}

/** Lines for `bridge -batch`. */
export const forwardingChanges = (present: readonly Forwarding[], peers: readonly Peer[]): string[] => {
  const wanted = new Map(peers.map(({ address }) => [vxlanMac(address), address]));
  const held = new Map(present.map(({ mac, dst }) => [mac, dst]));
  return [
    ...present.filter(({ mac, dst }) => dst !== undefined && !wanted.has(mac)).map(({ mac, dst }) => `fdb del ${mac} dev ${vxlanDevice} dst ${dst} self`),
    ...[...wanted].filter(([mac, dst]) => held.get(mac) !== dst).map(([mac, dst]) => `fdb replace ${mac} dev ${vxlanDevice} dst ${dst} self permanent`),
  ];
};
