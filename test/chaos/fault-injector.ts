/** Does to a real cluster what the plan says, and undoes it. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hostEnvironment } from '../../cli/local/command.ts';
import { containerdSocket } from '../../cli/local/containerd.ts';
import { killNode, startNode } from '../../cli/local/nodes.ts';
import { ensureCertificates } from '../../cli/local/pki.ts';
import { type ClusterSettings, paths, readSettings } from '../../cli/local/settings.ts';
import { podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { isPodReady } from '../../proto/resources/pod.ts';
import type { ClusterFixture } from '../fixtures/cluster.ts';
import { eventually } from '../fixtures/eventually.ts';
import type { Fault, FaultKind } from './fault-plan.ts';
import { selection } from './watching.ts';

const execute = promisify(execFile);
const run = async (program: string, ...args: string[]): Promise<string> => (await execute(program, args, { env: hostEnvironment(process.env) })).stdout;

/** A process that is slow stands still for so long, and goes on for so long. */
const stutterMs = 150;
const healTimeoutMs = 120_000;
const callTimeoutMs = 5_000;

/** Ways to slow a link down; kernels have one or the other, or neither. */
const slowLinks = [['netem', 'delay', '80ms', '20ms'], ['tbf', 'rate', '400kbit', 'burst', '16kb', 'latency', '300ms']] as const;

/** Undoes a fault; resolves when what it hit is back. */
export type Heal = () => Promise<void>;

const signal = (pid: number, name: NodeJS.Signals): void => {
  try {
    process.kill(pid, name);
  } catch {
    // It ended meanwhile.
  }
};

const isRunning = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

export class FaultInjector {
  readonly #cluster: ClusterFixture;
  readonly #settings: ClusterSettings;
  readonly #clock: Clock;
  readonly #kinds: Readonly<Record<FaultKind, (target: string) => Promise<Heal | undefined>>> = {
    kill: (target) => this.#kill(target),
    pause: (target) => this.#pause(target),
    slow: (target) => this.#slow(target),
    power: (target) => this.#power(target),
    cut: (target) => this.#cut(target),
    'slow-link': (target) => this.#slowLink(target),
    container: (target) => this.#container(target),
  };

  constructor(cluster: ClusterFixture, clock: Clock) {
    const settings = readSettings(cluster.dataDir);
    if (!settings) throw new Error('the cluster has no settings');
    this.#cluster = cluster;
    this.#settings = settings;
    this.#clock = clock;
  }

  /** Resolves to how it is undone, or to nothing where it could not be done here. */
  inject({ kind, target }: Fault): Promise<Heal | undefined> {
    return this.#kinds[kind](target);
  }

  async #kill(target: string): Promise<Heal> {
    const pid = this.#cluster.pid(target);
    signal(pid, 'SIGKILL');
    const isBack = async (): Promise<true | undefined> => (this.#cluster.pid(target) !== pid && isRunning(this.#cluster.pid(target)) ? true : undefined);
    return async () => void (await eventually(`${target} is back`, isBack, healTimeoutMs));
  }

  async #pause(target: string): Promise<Heal> {
    const pid = this.#cluster.pid(target);
    signal(pid, 'SIGSTOP');
    return async () => signal(pid, 'SIGCONT');
  }

  async #slow(target: string): Promise<Heal> {
    const pid = this.#cluster.pid(target);
    const stop = new AbortController();
    const stutter = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        signal(pid, 'SIGSTOP');
        await this.#clock.sleep(stutterMs);
        signal(pid, 'SIGCONT');
        await this.#clock.sleep(stutterMs);
      }
    };
    const stuttering = stutter();
    return async () => {
      stop.abort();
      await stuttering;
    };
  }

  async #power(target: string): Promise<Heal> {
    const index = Number(target.replace('node-', ''));
    await killNode(this.#settings, index, this.#clock);
    const { authority } = await ensureCertificates(this.#settings);
    // What brings it up calls the API, which may have trouble of its own.
    return async () => void (await eventually(`${target} is back`, async () => {
      await startNode({ settings: this.#settings, client: this.#cluster.client, authority, clock: this.#clock, signal: AbortSignal.timeout(healTimeoutMs) }, index);
      return true;
    }, healTimeoutMs));
  }

  async #cut(target: string): Promise<Heal> {
    const link = this.#cluster.link(target);
    await run('ip', 'link', 'set', link, 'down');
    return async () => void (await run('ip', 'link', 'set', link, 'up'));
  }

  async #slowLink(target: string): Promise<Heal | undefined> {
    const link = this.#cluster.link(target);
    for (const discipline of slowLinks) {
      const isSlow = await run('tc', 'qdisc', 'replace', 'dev', link, 'root', ...discipline).then(() => true, () => false);
      if (isSlow) return async () => void (await run('tc', 'qdisc', 'del', 'dev', link, 'root'));
    }
    return undefined;
  }

  /** One that was never restarted: a second time would be held back, as in Kubernetes. */
  async #container(node: string): Promise<Heal | undefined> {
    const pods = await this.#cluster.client.list<Pod>(podKind, selection, { signal: AbortSignal.timeout(callTimeoutMs) }).catch(() => undefined);
    const victim = pods?.items.find((pod) => pod.spec?.nodeName === node && isPodReady(pod) && !pod.metadata.deletionTimestamp && pod.status?.containerStatuses?.[0]?.restartCount === 0);
    const id = victim?.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '');
    if (!id) return undefined;
    const socket = containerdSocket(join(paths(this.#cluster.dataDir).run, node));
    const tasks = await run('ctr', '--address', socket, '--namespace', 'k8s.io', 'tasks', 'ls').catch(() => '');
    const pid = Number(tasks.split('\n').find((line) => line.startsWith(id))?.trim().split(/\s+/)[1] ?? 0);
    if (pid === 0) return undefined;
    signal(pid, 'SIGKILL');
    return async () => undefined;
  }
}
