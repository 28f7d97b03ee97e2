/** The servers that the host asks for names. */
import { readFile } from 'node:fs/promises';
import type { DnsConfig } from './cri-messages.ts';
import { parseResolvConf } from './dns.ts';

const read = async (path: string): Promise<DnsConfig> => parseResolvConf(await readFile(path, 'utf8').catch(() => ''));

/** The host's resolv.conf as it serves in any network namespace; `path` is taken as it is. */
export const readHostDns = async (path?: string): Promise<DnsConfig> => {
  const config = await read(path ?? '/etc/resolv.conf');
  if (path !== undefined || !config.servers.every((server) => server.startsWith('127.'))) return config;
  // A resolver on the host's loopback is out of a pod's reach; systemd's keeps the servers that it asks itself here.
  const upstream = await read('/run/systemd/resolve/resolv.conf');
  return upstream.servers.length > 0 ? upstream : config;
};
