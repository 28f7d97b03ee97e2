/**
 * Keeps the kernel's table in step with the services that the node is told of.
 *
 *     NetworkState ──► keys that changed ──► frontends ──► Ledger ──► one transaction of nft
 *                        ▲ wait while one runs                │
 *                        └── all of them, into a new table ◄──┘ it failed
 *
 * Invariant: what the ledger holds is what the kernel has; after a transaction that failed the table is made anew, in one
 * transaction, so that nothing is ever without it. An agent that ends leaves the rules, and packets do not notice.
 */
import { backoffMs } from '../../../proto/process/backoff.ts';
import type { Clock, Timer } from '../../../proto/process/clock.ts';
import type { Log } from '../../../proto/process/log.ts';
import type { Welcome } from '../../../proto/node-service.ts';
import { servicesRetryMsMax, servicesRetryMsMin } from '../../limits.ts';
import { CommandFailed } from '../command.ts';
import type { NetworkState } from '../network-state.ts';
import type { Flow, PresentFlow } from './flows.ts';
import { flowsThatEnd, strayFlows } from './flows.ts';
import { type Frontend, frontendsOf } from './frontends.ts';
import { Ledger } from './ledger.ts';
import { emptyTable } from './ruleset.ts';

export type ServiceSettings = Pick<Welcome, 'podNetwork' | 'serviceNetwork'>;

export interface ServiceProxyOptions {
  readonly nodeName: string;
  readonly state: NetworkState;
  /** Runs one transaction of nft. Rejects with CommandFailed; then nothing of it was done. */
  readonly apply: (commands: string) => Promise<void>;
  /** Flows of UDP that the kernel has. Rejects with CommandFailed, as does the next. */
  readonly flows: () => Promise<readonly PresentFlow[]>;
  /** Makes the kernel forget flows to endpoints that are gone. */
  readonly forget: (flows: readonly Flow[]) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** nft quotes the whole command that it could not take. */
const errorCharactersMax = 500;

export class ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #subscription: { close(): void };
  readonly #changed = new Set<string>();
  /** Of services that have any, as last looked at: to see which flows lose their end. */
  readonly #frontends = new Map<string, readonly Frontend[]>();
  #settings: ServiceSettings | undefined;
  #ledger: Ledger | undefined;
  #anew = true;
  #working = false;
  #closed = false;
  #failures = 0;
  #retry: Timer | undefined;

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    this.#subscription = options.state.subscribe(({ services }) => {
      for (const key of services) this.#changed.add(key);
      this.#wake();
    });
  }

  /** The cluster's networks are known. Other ones than before make the table anew. */
  setUp({ podNetwork, serviceNetwork }: ServiceSettings): void {
    if (this.#settings?.podNetwork === podNetwork && this.#settings.serviceNetwork === serviceNetwork) return;
    this.#settings = { podNetwork, serviceNetwork };
    this.#ledger = new Ledger(podNetwork);
    this.#anew = true;
    this.#wake();
  }

  /** Leaves the rules as they are. */
  close(): void {
    this.#closed = true;
    this.#subscription.close();
    this.#retry?.cancel();
  }

  #wake(): void {
    if (this.#working) return;
    this.#working = true;
    void this.#workWhileChanged();
  }

  async #workWhileChanged(): Promise<void> {
    const { state } = this.#options;
    try {
      while (!this.#closed && this.#settings && this.#ledger && state.complete && (this.#anew || this.#changed.size > 0)) {
        this.#retry?.cancel();
        await this.#work(this.#settings, this.#ledger);
        this.#failures = 0;
      }
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      this.#tryAgain(error);
    } finally {
      // Within the same turn as the last look at what changed: a change a moment later must wake it again.
      this.#working = false;
    }
  }

  #tryAgain(error: CommandFailed): void {
    const { clock, log } = this.#options;
    this.#anew = true;
    this.#failures += 1;
    const retryMs = backoffMs(this.#failures, { initialMs: servicesRetryMsMin, maxMs: servicesRetryMsMax });
    log.warn('the rules for services could not be set', { error: error.message.slice(0, errorCharactersMax), retryMs });
    this.#retry = clock.after(retryMs, () => this.#wake());
  }

  async #work({ serviceNetwork }: ServiceSettings, ledger: Ledger): Promise<void> {
    const { state, apply } = this.#options;
    const anew = this.#anew;
    // Other settings, or a failure, may ask for it again while this is under way.
    this.#anew = false;
    if (anew) {
      ledger.clear();
      for (const key of state.serviceKeys()) this.#changed.add(key);
      for (const key of this.#frontends.keys()) this.#changed.add(key);
    }
    const keys = [...this.#changed];
    this.#changed.clear();
    const wanted = keys.map((key) => [key, frontendsOf(state.service(key), state.slicesOf(key), this.#options.nodeName)] as const);
    const commands = ledger.change(wanted);
    const text = anew ? emptyTable(serviceNetwork) + commands : commands;
    if (text !== '') await apply(text);
    const ended = wanted.flatMap(([key, frontends]) => this.#note(key, frontends));
    await this.#endFlows(ended, anew);
  }

  /** The rules are right without it: what fails here makes no table anew. */
  async #endFlows(ended: readonly Flow[], anew: boolean): Promise<void> {
    const { flows, forget, log } = this.#options;
    try {
      const stray = anew ? strayFlows(await flows(), [...this.#frontends.values()].flat()) : [];
      if (ended.length + stray.length > 0) await forget([...ended, ...stray]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      log.warn('flows to endpoints that are gone could not be ended', { error });
    }
  }

  #note(key: string, frontends: readonly Frontend[]): readonly Flow[] {
    const before = this.#frontends.get(key) ?? [];
    if (frontends.length === 0) this.#frontends.delete(key);
    else this.#frontends.set(key, frontends);
    return flowsThatEnd(before, frontends);
  }
}
