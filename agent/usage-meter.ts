/**
 * What this node and its containers use, measured when somebody asks and not otherwise. A rate takes two samples: the one of
 * whoever asked before, or one taken a short window before the answer. Who asks while a measurement is under way shares it, and
 * who asks right after it gets the same answer.
 */
import { readFile } from 'node:fs/promises';
import type { ContainerUsage, NodeUsage, Usage } from '../proto/node-usage.ts';
import type { Clock } from '../proto/process/clock.ts';
import { meminfoBytes } from './host-facts.ts';
import { usageWindowMsMax, usageWindowMsMin } from './limits.ts';
import { containerNameLabel, podUidLabel } from './runtime/labels.ts';
import type { CriContainerStats } from './runtime/cri-messages.ts';

/** A reading of counters. */
interface Reading {
  /** When; only the difference to another counts. */
  readonly atNanoseconds: number;
  readonly cpuNanoseconds: number;
  readonly workingSetBytes: number;
}

export interface UsageSample {
  readonly atMs: number;
  readonly node: Reading;
  /** By the container's id. */
  readonly containers: ReadonlyMap<string, Reading & { readonly podUid: string; readonly container: string }>;
}

/** The kernel counts processor time for user space in hundredths of a second. */
const tickNanoseconds = 1e7;

/** Processor time of the whole host from /proc/stat: everything but idling and waiting for disks; what guests use is in `user` already. */
export const busyNanoseconds = (stat: string): number => {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = (/^cpu\s+(.*)$/m.exec(stat)?.[1] ?? '').split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq + steal) * tickNanoseconds;
};

export const hostReading = (stat: string, meminfo: string, atNanoseconds: number): Reading => ({
  atNanoseconds,
  cpuNanoseconds: busyNanoseconds(stat),
  workingSetBytes: Math.max(0, meminfoBytes(meminfo, 'MemTotal') - meminfoBytes(meminfo, 'MemAvailable')),
});

const usageOf = (now: Reading, before: Reading | undefined, windowMs: number): Usage => {
  // What was not there before has used all that it has used within the window.
  const elapsed = before ? now.atNanoseconds - before.atNanoseconds : windowMs * 1e6;
  const used = now.cpuNanoseconds - (before?.cpuNanoseconds ?? 0);
  return {
    cpuNanoseconds: now.cpuNanoseconds,
    cpuNanocores: elapsed > 0 ? Math.max(0, Math.round((used / elapsed) * 1e9)) : 0,
    workingSetBytes: now.workingSetBytes,
  };
};

/** What two samples say. */
export const usageBetween = (before: UsageSample, now: UsageSample, timeMs: number): NodeUsage => {
  const windowMs = now.atMs - before.atMs;
  const containers = [...now.containers].map(([id, reading]): ContainerUsage => {
    const { podUid, container } = reading;
    return { podUid, container, ...usageOf(reading, before.containers.get(id), windowMs) };
  });
  return { timeMs, windowMs, node: usageOf(now.node, before.node, windowMs), containers };
};

export interface UsageMeterOptions {
  /** CRI's ListContainerStats. */
  readonly stats: () => Promise<readonly CriContainerStats[]>;
  readonly clock: Clock;
}

export class UsageMeter {
  readonly #options: UsageMeterOptions;
  #last: UsageSample | undefined;
  #answer: NodeUsage | undefined;
  #measuring: Promise<NodeUsage> | undefined;

  constructor(options: UsageMeterOptions) {
    this.#options = options;
  }

  /** Throws CriError while containerd is away. */
  measure(): Promise<NodeUsage> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measure(): Promise<NodeUsage> {
    const { clock } = this.#options;
    const ageMs = this.#last ? clock.monotonicMs() - this.#last.atMs : Number.POSITIVE_INFINITY;
    if (this.#answer && ageMs < usageWindowMsMin) return this.#answer;
    let before = this.#last;
    if (!before || ageMs > usageWindowMsMax) {
      before = await this.#sample();
      await clock.sleep(usageWindowMsMin);
    }
    const now = await this.#sample();
    this.#last = now;
    this.#answer = usageBetween(before, now, clock.nowMs());
    return this.#answer;
  }

  async #sample(): Promise<UsageSample> {
    const { stats, clock } = this.#options;
    const [containers, stat, meminfo] = await Promise.all([stats(), readFile('/proc/stat', 'utf8'), readFile('/proc/meminfo', 'utf8')]);
    const atMs = clock.monotonicMs();
    const readings = containers.flatMap(({ attributes: { id, labels }, cpu, memory }) => {
      const [podUid, container] = [labels[podUidLabel], labels[containerNameLabel]];
      if (!cpu?.usage_core_nano_seconds || podUid === undefined || container === undefined) return [];
      return [[id, {
        podUid,
        container,
        atNanoseconds: cpu.timestamp,
        cpuNanoseconds: cpu.usage_core_nano_seconds.value,
        workingSetBytes: memory?.working_set_bytes?.value ?? 0,
      }] as const];
    });
    return { atMs, node: hostReading(stat, meminfo, atMs * 1e6), containers: new Map(readings) };
  }
}
