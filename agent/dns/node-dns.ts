/**
 * The node's DNS: its address on the node, the server at it, and what the server knows. An agent that ends leaves the address, so
 * that who asks meanwhile is refused at once instead of waiting.
 */
import { backoffMs } from '../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import type { Random } from '../../proto/process/random.ts';
import { dnsLimits } from '../limits.ts';
import { CommandFailed } from '../network/command.ts';
import type { NetworkState } from '../network/network-state.ts';
import type { ClusterDns } from '../runtime/dns.ts';
import { readHostDns } from '../runtime/host-dns.ts';
import { AnswerCache } from './answer-cache.ts';
import { ClusterZone, type ZoneSettings } from './cluster-zone.ts';
import { DnsServer } from './dns-server.ts';
import { HostResolvers } from './host-resolvers.ts';
import { Resolver } from './resolver.ts';
import { ServiceNames } from './service-names.ts';
import { Upstream } from './upstream.ts';

export interface NodeDnsOptions {
  readonly state: NetworkState;
  /** Makes an address the node's, instead of those that were before. Rejects with CommandFailed. */
  readonly claim: (address: string) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** 53 but in tests. */
  readonly port?: number;
}

/** An address that somebody else has, or that cannot be had: the system's errors have codes. */
const isExpected = (error: unknown): boolean => error instanceof CommandFailed || typeof (error as NodeJS.ErrnoException).code === 'string';

export class NodeDns {
  readonly #options: NodeDnsOptions;
  readonly #names: ServiceNames;
  #settings: ZoneSettings | undefined;
  #serving: { readonly server: DnsServer; readonly resolver: Resolver } | undefined;
  #retry: Timer | undefined;
  #failures = 0;
  #closed = false;

  constructor(options: NodeDnsOptions) {
    this.#options = options;
    this.#names = new ServiceNames(options.state);
  }

  /** What pods are told; undefined while nobody listens. */
  get cluster(): ClusterDns | undefined {
    return this.#serving && this.#settings && { servers: [this.#settings.dnsAddress], domain: this.#settings.clusterDomain };
  }

  /** Resolves when the server listens, or could not for now; then it is tried again. */
  async setUp({ clusterDomain, dnsAddress, podNetwork, serviceNetwork }: ZoneSettings): Promise<void> {
    const settings = { clusterDomain, dnsAddress, podNetwork, serviceNetwork };
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#stop();
    this.#settings = settings;
    await this.#listen(settings);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#names.close();
  }

  #stop(): void {
    this.#retry?.cancel();
    this.#serving?.resolver.close();
    this.#serving?.server.close();
    this.#serving = undefined;
  }

  async #listen(settings: ZoneSettings): Promise<void> {
    const { claim, clock, log, port = 53 } = this.#options;
    const resolver = this.#resolver(settings);
    try {
      await claim(settings.dnsAddress);
      const server = await DnsServer.listen({ resolver, clock, log }, settings.dnsAddress, port);
      if (this.#closed || this.#settings !== settings) server.close();
      else this.#serving = { server, resolver };
      this.#failures = 0;
    } catch (error) {
      if (!isExpected(error)) throw error;
      if (this.#closed || this.#settings !== settings) return;
      this.#failures += 1;
      const retryMs = backoffMs(this.#failures, { initialMs: dnsLimits.listenRetryMsMin, maxMs: dnsLimits.listenRetryMsMax });
      log.warn('names cannot be answered yet', { address: settings.dnsAddress, error, retryMs });
      this.#retry = clock.after(retryMs, () => void this.#listen(settings));
    }
  }

  #resolver(settings: ZoneSettings): Resolver {
    const { clock, random, log } = this.#options;
    const hosts = new HostResolvers({ read: () => readHostDns(), own: settings.dnsAddress, clock });
    return new Resolver({
      zone: new ClusterZone(this.#names, settings, random),
      upstream: new Upstream({ servers: () => hosts.servers(), clock }),
      cache: new AnswerCache(),
      clock,
      log,
    });
  }
}
