/** What the nodes are told of the cluster's networks, out of the settings. Pure. */
import type { ClusterNetwork } from '../../proto/node-service.ts';
import type { ControllerConfig } from '../config.ts';

const clusterDomain = 'cluster.local';
const dnsIndex = 10;

/** The address at `index` of an IPv4 range such as `10.96.0.0/16`. */
const addressAt = (range: string, index: number): string => {
  const [network = '', bits = ''] = range.split('/');
  const number = network.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);
  const address = number - (number % 2 ** (32 - Number(bits))) + index;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
};

export const clusterNetworkOf = ({
  podNetwork, podNetworkMode, serviceNetwork, dnsAddress,
}: Pick<ControllerConfig, 'podNetwork' | 'podNetworkMode' | 'serviceNetwork' | 'dnsAddress'>): ClusterNetwork => ({
  clusterDomain, podNetwork, podNetworkMode, serviceNetwork, dnsAddress: dnsAddress ?? addressAt(serviceNetwork, dnsIndex),
});
