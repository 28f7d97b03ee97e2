/**
 * How a machine becomes another server: by a token for servers it is given the authorities' keys and the settings that all
 * controllers share. Who has such a token can be anybody in the cluster; it is short-lived, and its use is logged.
 */
import { readFileSync } from 'node:fs';
import { type ServerGrant, serverJoinPath } from '../proto/joining.ts';
import type { Clock } from '../proto/process/clock.ts';
import type { Log } from '../proto/process/log.ts';
import type { ControllerConfig } from './config.ts';
import { authenticateToken, type ExtraRoute, postRoute } from './nodes/join.ts';
import type { Reader } from './store/reader.ts';

const sharedSettings = [
  'certificateLifetimeSeconds', 'podNetwork', 'podNetworkNodeBits', 'podNetworkMode', 'serviceNetwork', 'nodePorts', 'loadBalancerPool', 'dnsAddress', 'podEvictionSeconds',
] as const satisfies readonly (keyof ControllerConfig)[];

/** Read when it is asked for: certificates are replaced. */
const grantOf = (config: ControllerConfig, addresses: readonly string[]): ServerGrant => {
  const { tls, etcd } = config;
  const text = (file: string): string => readFileSync(file, 'utf8');
  return {
    caPem: text(tls.authorityCertificate),
    caKeyPem: text(tls.authorityKey),
    etcd: {
      endpoints: etcd.endpoints,
      ...(etcd.tls ? { tls: {
        caPem: text(etcd.tls.authorityCertificate), certPem: text(etcd.tls.certificate), keyPem: text(etcd.tls.key),
        ...(etcd.tls.authorityKey ? { caKeyPem: text(etcd.tls.authorityKey) } : {}),
      } } : {}),
    },
    settings: Object.fromEntries(sharedSettings.map((key) => [key, config[key]])),
    servers: addresses.map((address) => `https://${address}`),
  };
};

export interface ServerJoinOptions {
  readonly config: ControllerConfig;
  /** Of the API, at each controller. */
  readonly addresses: () => readonly string[];
  readonly reader: Reader;
  readonly clock: Clock;
  readonly log: Log;
}

export const serverJoinRoute = ({ config, addresses, reader, clock, log }: ServerJoinOptions): ExtraRoute =>
  postRoute(serverJoinPath, async ({ headers }) => {
    authenticateToken(headers['authorization'], 'server', reader, clock.nowMs());
    log.info('a server joined');
    return grantOf(config, addresses());
  });
