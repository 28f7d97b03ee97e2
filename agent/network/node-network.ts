/**
 * The node's networks: set up by what a controller says when it welcomes the node, or, while none can be reached, by what the
 * last one said and told.
 */
import { join } from 'node:path';
import type { Welcome } from '../../proto/node-service.ts';
import type { Timer } from '../../proto/process/clock.ts';
import { networkRestoreAfterMs } from '../limits.ts';
import { NetworkKeeper, readKept } from './kept-network.ts';
import type { NetworkStateStore } from './network-state.ts';
import { PodNetwork, type PodNetworkOptions } from './pod-network.ts';

export interface NodeNetworkOptions extends PodNetworkOptions {
  readonly state: NetworkStateStore;
  /** Called when the pod network of these settings is set up; pods wait for it. */
  readonly onSetUp: (welcome: Welcome) => Promise<void>;
}

export class NodeNetwork {
  readonly #options: NodeNetworkOptions;
  readonly #podNetwork: PodNetwork;
  readonly #keeper: NetworkKeeper;
  readonly #keptPath: string;
  readonly #restoring: Timer;
  #welcomed = false;
  /** One set-up at a time. */
  #settingUp: Promise<void> = Promise.resolve();

  constructor(options: NodeNetworkOptions) {
    const { dataDir, state, clock, log } = options;
    this.#options = options;
    this.#podNetwork = new PodNetwork(options);
    this.#keptPath = join(dataDir, 'network.jsonl');
    this.#keeper = new NetworkKeeper(this.#keptPath, state, clock, log);
    this.#restoring = clock.after(networkRestoreAfterMs, () => void this.#restore());
  }

  /** A controller welcomes the node. Resolves when pods can be given addresses. */
  welcomed(welcome: Welcome): Promise<void> {
    this.#welcomed = true;
    this.#keeper.welcomed(welcome);
    return this.#setUp(welcome);
  }

  async close(): Promise<void> {
    this.#restoring.cancel();
    await this.#podNetwork.close();
    await this.#keeper.close();
  }

  #setUp(welcome: Welcome): Promise<void> {
    const done = this.#settingUp.then(async () => {
      await this.#podNetwork.setUp(welcome);
      await this.#options.onSetUp(welcome);
    });
    this.#settingUp = done.catch(() => undefined);
    return done;
  }

  async #restore(): Promise<void> {
    const { state, log } = this.#options;
    const kept = this.#welcomed ? undefined : await readKept(this.#keptPath, log);
    if (kept === undefined || this.#welcomed) return;
    log.info('no controller yet: going by what the last session told', { services: kept.snapshot.services.length });
    await this.#setUp(kept.welcome).catch((error: unknown) => log.error('the pod network could not be set up', { error }));
    state.restore(kept.snapshot);
  }
}
