/** The servers that names from elsewhere are asked of: the host's, read again when it is some time ago and one is needed. */
import type { Clock } from '../../proto/process/clock.ts';
import { dnsLimits } from '../limits.ts';
import type { DnsServerAddress } from './exchange.ts';

export interface HostResolversOptions {
  readonly read: () => Promise<{ readonly servers: readonly string[] }>;
  /** This server's own address: asking itself would go round for ever. */
  readonly own: string;
  readonly clock: Clock;
}

const dnsPort = 53;

export class HostResolvers {
  readonly #options: HostResolversOptions;
  #readMs = Number.NEGATIVE_INFINITY;
  #servers: Promise<readonly DnsServerAddress[]> = Promise.resolve([]);

  constructor(options: HostResolversOptions) {
    this.#options = options;
  }

  servers(): Promise<readonly DnsServerAddress[]> {
    const { read, own, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#readMs >= dnsLimits.resolversKeptMs) {
      this.#readMs = nowMs;
      this.#servers = read().then(({ servers }) => servers.filter((address) => address !== own).map((address) => ({ address, port: dnsPort })));
    }
    return this.#servers;
  }
}
