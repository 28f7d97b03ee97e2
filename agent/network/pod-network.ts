/**
 * The pod network on this node: its own subnet as soon as it is known, and the way to those of the other nodes, kept in
 * step with the list of nodes.
 */
import type { Welcome } from '../../proto/node-service.ts';
import type { Clock, Timer } from '../../proto/process/clock.ts';
import type { Log } from '../../proto/process/log.ts';
import { networkReadyPollMs, networkReadyTimeoutMs, networkResyncPeriodMs, networkRetryMs } from '../limits.ts';
import { leasesDirOf, networkList, uplinkMtu, writeNetworkList } from './cni.ts';
import { CommandFailed, rows, runBatch } from './command.ts';
import { allowForwarding } from './forward-policy.ts';
import { enableForwarding } from './forwarding.ts';
import { applyRules, masqueradeRules } from './masquerade.ts';
import type { NetworkState } from './network-state.ts';
import { plainRoutes, type Route, routeChanges, routeProtocol } from './routes.ts';
import {
  type Device, deviceChanges, type Forwarding, forwardingChanges, type Neighbour, neighbourChanges, vxlanDevice, vxlanOverheadBytes, vxlanRoutes,
} from './vxlan.ts';

export type PodNetworkSettings = Pick<Welcome, 'podCidr' | 'podNetwork' | 'podNetworkMode'>;

export interface PodNetworkOptions {
  readonly nodeAddress: string;
  readonly dataDir: string;
  readonly cniConfigDir: string;
  readonly state: NetworkState;
  /** Whether the runtime has a network for pods. */
  readonly ready: () => Promise<boolean>;
  readonly clock: Clock;
  readonly log: Log;
}

const presentDevice = async (): Promise<Device | undefined> => {
  const devices = await rows<Device & { readonly ifname?: string }>('ip', '-d', 'address', 'show');
  return devices.find(({ ifname }) => ifname === vxlanDevice);
};

export class PodNetwork {
  readonly #options: PodNetworkOptions;
  readonly #subscription: { close(): void };
  readonly #resync: Timer;
  #settings: PodNetworkSettings | undefined;
  #retry: Timer | undefined;
  #dirty = false;
  #syncing: Promise<void> | undefined;

  constructor(options: PodNetworkOptions) {
    this.#options = options;
    this.#subscription = options.state.subscribe(({ peers, complete }) => {
      if (peers || complete) this.#sync();
    });
    // The kernel drops routes by itself, as when their interface goes down.
    this.#resync = options.clock.every(networkResyncPeriodMs, () => this.#sync());
  }

  /** Sets the node's own subnet up and waits until the runtime has taken it. Throws CommandFailed. */
  async setUp(settings: PodNetworkSettings): Promise<void> {
    const { nodeAddress, dataDir, cniConfigDir, clock, ready, log } = this.#options;
    const { podCidr, podNetwork, podNetworkMode } = settings;
    if (!(await enableForwarding())) log.warn('br_netfilter is missing: pods of this node cannot reach each other through services');
    await applyRules(masqueradeRules(podCidr, podNetwork));
    const uplink = await uplinkMtu(nodeAddress);
    const mtu = podNetworkMode === 'vxlan' ? uplink - vxlanOverheadBytes : uplink;
    await this.#setUpDevice(settings, mtu);
    this.#settings = settings;
    this.#sync();
    if (!(await writeNetworkList(cniConfigDir, networkList(podCidr, mtu, leasesDirOf(dataDir))))) return;
    // The runtime reads the file when it sees it.
    const deadlineMs = clock.monotonicMs() + networkReadyTimeoutMs;
    while (!(await ready()) && clock.monotonicMs() < deadlineMs) await clock.sleep(networkReadyPollMs);
  }

  /** Resolves when nothing is under way any more. What was set up stays. */
  async close(): Promise<void> {
    this.#subscription.close();
    this.#resync.cancel();
    await this.#syncing;
    this.#retry?.cancel();
  }

  async #setUpDevice({ podCidr, podNetworkMode }: PodNetworkSettings, mtu: number): Promise<void> {
    const present = await presentDevice();
    if (podNetworkMode === 'vxlan') await runBatch('ip', deviceChanges(present, { nodeAddress: this.#options.nodeAddress, podCidr, mtu }));
    else if (present) await runBatch('ip', [`link del ${vxlanDevice}`]);
  }

  /** Brings the way to the other nodes in step; one run at a time, the last begins after the last change. */
  #sync(): void {
    this.#dirty = true;
    this.#syncing ??= this.#syncWhileDirty().finally(() => {
      this.#syncing = undefined;
      // What changed after the last look.
      if (this.#isDue) this.#sync();
    });
  }

  get #isDue(): boolean {
    return this.#dirty && this.#settings !== undefined && this.#options.state.complete;
  }

  async #syncWhileDirty(): Promise<void> {
    const { clock, log } = this.#options;
    while (this.#isDue && this.#settings) {
      this.#dirty = false;
      this.#retry?.cancel();
      try {
        await this.#reach(this.#settings);
      } catch (error) {
        if (!(error instanceof CommandFailed)) throw error;
        log.warn('the way to the other nodes could not be set up', { error: error.message });
        this.#retry = clock.after(networkRetryMs, () => this.#sync());
      }
    }
  }

  /** Reads what the kernel has and changes what differs. */
  async #reach({ podCidr, podNetwork, podNetworkMode }: PodNetworkSettings): Promise<void> {
    await allowForwarding(podNetwork);
    // A node that was made anew may be listed with the subnet that this one has now.
    const peers = [...this.#options.state.peers.values()].filter((peer) => peer.podCidr !== podCidr);
    const isVxlan = podNetworkMode === 'vxlan';
    const lines: string[] = [];
    if (isVxlan) {
      await runBatch('bridge', forwardingChanges(await rows<Forwarding>('bridge', 'fdb', 'show', 'dev', vxlanDevice), peers));
      lines.push(...neighbourChanges(await rows<Neighbour>('ip', 'neighbour', 'show', 'dev', vxlanDevice, 'nud', 'permanent'), peers));
    }
    const present = await rows<Route>('ip', 'route', 'show', 'proto', routeProtocol);
    await runBatch('ip', [...lines, ...routeChanges(present, isVxlan ? vxlanRoutes(peers) : plainRoutes(peers))]);
  }
}
