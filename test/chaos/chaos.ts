/** One run: a cluster under load, windows of faults, and what is checked after each. */
import { randomInt } from 'node:crypto';
import { systemClock } from '../../proto/process/clock.ts';
import { type ClusterFixture, pushScript, startCluster } from '../fixtures/cluster.ts';
import { type CheckParts, checkOwners, checkWatches, checkWhatRuns, checkWrites, type Patience, untilRight, untilSettled } from './checks.ts';
import { keepEvidence } from './evidence.ts';
import { FaultInjector } from './fault-injector.ts';
import { type Fault, faultText, planWindow, windowMs } from './fault-plan.ts';
import { measureFloor, scaled } from './floor.ts';
import { changesBetween, type Traces, tracesOf } from './leftovers.ts';
import { Load } from './load.ts';
import { serverScript } from './load-objects.ts';
import { Running } from './running.ts';
import { type Broken, guarantees, Verdict } from './verdict.ts';

const clock = systemClock;
const size = { nodes: 4, controllers: 3, etcd: 3 };
const nodes = Array.from({ length: size.nodes }, (_, at) => `node-${at + 1}`);

/** The promise, on a machine that does the floor's work in its nominal time. */
const convergenceMs = 10_000;
/** Within the convergence bound times this everything else must have come right, too. */
const patience = 4;
const calmMs = 6_000;
/** Nothing is scaled or rolled out in the last part of a window: how long a rollout takes is not how long a fault is felt. */
const churnMs = windowMs - 6_000;
const ownersPeriodMs = 4_000;

export interface ChaosOptions {
  readonly seed: number;
  /** Of windows, from the first fault on; at least one window is run. */
  readonly minutes: number;
  readonly say: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface ChaosSummary {
  readonly seed: number;
  readonly windows: number;
  readonly faults: number;
  /** What this machine could not do. */
  readonly faultsSkipped: number;
  readonly writesAcknowledged: number;
  readonly writesFailed: number;
  readonly longestWithoutWriteSeconds: number;
  readonly requests: number;
  readonly requestsFailed: number;
  readonly watchChanges: number;
  readonly watchesBegunAnew: number;
  readonly floorSeconds: number;
  readonly longestConvergenceSeconds: number;
  readonly convergenceBoundSeconds: number;
  readonly broken?: Broken & { readonly evidence: string };
}

export const freshSeed = (): number => randomInt(1, 2 ** 31);

const seconds = (ms: number): number => Number((ms / 1000).toFixed(1));

class Run {
  readonly #options: ChaosOptions;
  readonly #parts: CheckParts;
  readonly #image: string;
  readonly #injector: FaultInjector;
  readonly #history: string[] = [];
  readonly #startedMs = clock.monotonicMs();
  #floorMs: number;
  #windows = 0;
  #faults = 0;
  #skipped = 0;
  #longestMs = 0;

  constructor(options: ChaosOptions, parts: CheckParts, image: string, floorMs: number) {
    this.#options = options;
    this.#parts = parts;
    this.#image = image;
    this.#floorMs = floorMs;
    this.#injector = new FaultInjector(parts.cluster, clock);
  }

  get #boundMs(): number {
    return scaled(convergenceMs, this.#floorMs);
  }

  get #patience(): Patience {
    return { boundMs: this.#boundMs, limitMs: this.#boundMs * patience, say: (text) => this.#say(text) };
  }

  #say(text: string): void {
    const line = `${seconds(clock.monotonicMs() - this.#startedMs).toFixed(1).padStart(6)} s  ${text}`;
    this.#history.push(line);
    this.#options.say(line);
  }

  /** Windows until the time is over or something broke. */
  async windows(): Promise<void> {
    const { verdict, load } = this.#parts;
    const untilMs = clock.monotonicMs() + this.#options.minutes * 60_000;
    const over = new AbortController();
    const owners = this.#watchOwners(AbortSignal.any([over.signal, verdict.signal]));
    try {
      do {
        load.requests.trouble();
        await this.#faultsOf(this.#windows);
        await this.#settle();
        this.#windows += 1;
        if (verdict.broken) return;
        load.requests.calm();
        await this.#pause(calmMs);
      } while (!verdict.broken && clock.monotonicMs() + windowMs <= untilMs);
    } finally {
      load.requests.trouble();
      over.abort();
      await owners;
    }
  }

  /** All the while. */
  async #watchOwners(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await checkOwners(this.#parts);
      await clock.sleep(ownersPeriodMs, signal).catch(() => undefined);
    }
  }

  async #faultsOf(window: number): Promise<void> {
    const faults = planWindow(this.#options.seed, window, size);
    this.#say(`window ${window + 1}: ${faults.length} faults`);
    const results = await Promise.allSettled([...faults.map((fault) => this.#fault(fault)), this.#endChurn()]);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure) throw failure.reason as Error;
  }

  #pause(ms: number): Promise<void> {
    return clock.sleep(ms, this.#parts.verdict.signal).catch(() => undefined);
  }

  async #endChurn(): Promise<void> {
    await this.#pause(churnMs);
    await this.#parts.load.churn.close();
  }

  async #fault(fault: Fault): Promise<void> {
    await this.#pause(fault.atMs);
    if (this.#parts.verdict.broken) return;
    const heal = await this.#injector.inject(fault);
    this.#say(`  ${faultText(fault)}${heal ? '' : ' (not possible here)'}`);
    if (!heal) {
      this.#skipped += 1;
      return;
    }
    this.#faults += 1;
    await this.#pause(fault.forMs);
    await heal();
    this.#say(`          ${fault.target} is back`);
  }

  /** The faults are over: waits for what was promised, then compares. */
  async #settle(): Promise<void> {
    const { load, verdict } = this.#parts;
    await this.#converge();
    if (!verdict.broken) await checkWhatRuns(this.#parts, this.#patience);
    await load.writes.close();
    if (!verdict.broken) await checkWrites(this.#parts);
    if (!verdict.broken) await checkWatches(this.#parts, this.#patience);
    load.writes.open();
    load.churn.open();
  }

  async #converge(): Promise<void> {
    const { verdict, cluster } = this.#parts;
    const { tookMs, atBound, atEnd } = await untilSettled(this.#parts, this.#patience);
    if (atBound !== undefined && atEnd === undefined) {
      // The machine may have become slower since: then the same work takes it longer undisturbed, too.
      this.#floorMs = Math.max(this.#floorMs, await measureFloor(cluster.client, this.#image, size.nodes, clock));
      this.#say(`  that took longer than promised; the floor is ${seconds(this.#floorMs)} s now`);
    }
    this.#say(`  converged in ${seconds(tookMs)} s (promised on this machine: ${seconds(this.#boundMs)} s)`);
    this.#longestMs = Math.max(this.#longestMs, tookMs);
    if (tookMs > this.#boundMs) verdict.judge(guarantees.replicas, `${seconds(tookMs)} s after the last fault, promised were ${seconds(this.#boundMs)} s; then was missing: ${atEnd ?? atBound}`);
  }

  /** The load goes, and nothing of it may be left. */
  async leave(before: Traces): Promise<void> {
    const { load, verdict, cluster } = this.#parts;
    await load.stop();
    if (verdict.broken) return;
    await load.remove();
    const surplus = async (): Promise<string | undefined> => changesBetween(before, tracesOf(cluster, nodes)).filter((change) => change.includes(': +')).join('; ') || undefined;
    const { atEnd } = await untilRight(surplus, this.#patience, clock);
    verdict.judge(guarantees.leaks, atEnd);
  }

  async summary(): Promise<ChaosSummary> {
    const { load, verdict, cluster } = this.#parts;
    const { seed, say } = this.#options;
    const watches = [...load.mapWatches, load.podWatch];
    const figures = {
      seed, windows: this.#windows, faults: this.#faults, faultsSkipped: this.#skipped,
      writesAcknowledged: load.ledger.acknowledged, writesFailed: load.outages.failed, longestWithoutWriteSeconds: seconds(load.outages.longestMs),
      requests: load.requests.made, requestsFailed: load.requests.failed,
      watchChanges: watches.reduce((sum, { changes }) => sum + changes, 0), watchesBegunAnew: watches.reduce((sum, { relists }) => sum + relists, 0),
      floorSeconds: seconds(this.#floorMs), longestConvergenceSeconds: seconds(this.#longestMs), convergenceBoundSeconds: seconds(this.#boundMs),
    };
    if (!verdict.broken) return figures;
    const { guarantee, detail } = verdict.broken;
    this.#say(`BROKEN: ${guarantee}: ${detail}`);
    const { folder, text } = await keepEvidence(cluster, seed, this.#history);
    say(`${text}\nlogs and objects are in ${folder}; the same faults come again with --seed ${seed}`);
    return { ...figures, broken: { guarantee, detail, evidence: folder } };
  }
}

const runOn = async (cluster: ClusterFixture, options: ChaosOptions): Promise<ChaosSummary> => {
  const { say } = options;
  const image = await pushScript(cluster, 'chaos:1', serverScript);
  // Twice: the first time every node has to get the image.
  await measureFloor(cluster.client, image, size.nodes, clock);
  const floorMs = await measureFloor(cluster.client, image, size.nodes, clock);
  say(`${size.nodes} fresh pods are ready in ${seconds(floorMs)} s undisturbed, so ${seconds(scaled(convergenceMs, floorMs))} s stand for the promised ${seconds(convergenceMs)} s`);
  const before = tracesOf(cluster, nodes);
  const verdict = new Verdict();
  options.signal?.addEventListener('abort', () => verdict.judge('the run', 'was interrupted'), { once: true });
  const running = new Running(cluster.dataDir, nodes, clock);
  const load = await Load.begin({ cluster, image, verdict, clock });
  try {
    const run = new Run(options, { cluster, load, running, verdict, clock }, image, floorMs);
    await run.windows();
    await run.leave(before);
    return await run.summary();
  } finally {
    await load.stop();
    running.close();
  }
};

/** Brings a cluster up, runs, and takes it down; what broke is in the summary. */
export const chaos = async (options: ChaosOptions): Promise<ChaosSummary> => {
  options.say(`chaos with seed ${options.seed}: ${size.controllers} controllers, ${size.etcd} etcds, ${size.nodes} nodes`);
  const startedMs = clock.monotonicMs();
  const cluster = await startCluster(size);
  try {
    options.say(`the cluster is up after ${seconds(clock.monotonicMs() - startedMs)} s`);
    options.signal?.throwIfAborted();
    return await runOn(cluster, options);
  } finally {
    await cluster.stop();
  }
};
