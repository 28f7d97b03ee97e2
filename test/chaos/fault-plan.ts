/**
 * Which faults come in which window: a pure function of the seed. Never more at once than the cluster promises to survive, which is
 * held by what a window may touch: one member of etcd, all controllers but one, one machine, and the programs of one other.
 */
import { seededRandom } from '../../proto/process/random.ts';

export const faultKinds = ['kill', 'pause', 'slow', 'power', 'cut', 'slow-link', 'container'] as const;

/**
 * `kill`: SIGKILL, its supervisor starts it again. `pause`: SIGSTOP. `slow`: stopped for half of the time. `power`: a node is switched off.
 * `cut`, `slow-link`: a node's link. `container`: the main process of one of the load's containers on a node.
 */
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  /** A process as `ClusterFixture.pid` names it, or a node. */
  readonly target: string;
  /** Since the window's start. */
  readonly atMs: number;
  readonly forMs: number;
}

export interface ClusterSize {
  readonly nodes: number;
  readonly controllers: number;
  readonly etcd: number;
}

export const windowMs = 25_000;

/** How long each kind lasts, from and to. What is killed comes back by itself; it is left in peace for as long. */
const durationsMs: Readonly<Record<FaultKind, readonly [min: number, max: number]>> = {
  kill: [4_000, 6_000], pause: [1_000, 14_000], slow: [4_000, 12_000], power: [8_000, 14_000], cut: [2_000, 15_000], 'slow-link': [5_000, 15_000], container: [1_000, 1_000],
};

/** The kinds that can happen to each part; those that stand twice are twice as likely. */
const processKinds = ['kill', 'kill', 'pause', 'slow'] as const;
const machineKinds = ['power', 'power', 'cut', 'cut', 'slow-link'] as const;
/** A containerd that stands still for long is as good as no machine, and a machine is among the faults. */
const runtimeKinds = ['kill', 'slow'] as const;

const startMsMax = 10_000;
const restMs = 4_000;
const chanceOfPart = 0.6;
const chanceOfSecond = 0.4;

class Dice {
  readonly #next: () => number;
  constructor(seed: number, window: number) {
    this.#next = seededRandom(Math.imul(window + 1, 0x9e3779b1) ^ seed).next;
  }
  happens(chance: number): boolean {
    return this.#next() < chance;
  }
  between(min: number, max: number): number {
    return Math.round(min + this.#next() * (max - min));
  }
  of<T>(values: readonly T[]): T {
    return values[Math.floor(this.#next() * values.length)] as T;
  }
  shuffled<T>(values: readonly T[]): T[] {
    return values.map((value) => ({ value, place: this.#next() })).toSorted((a, b) => a.place - b.place).map(({ value }) => value);
  }
}

interface Part {
  readonly target: string;
  readonly kinds: readonly FaultKind[];
}

const numbered = (what: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${what}-${at + 1}`);

/** What a window may touch. */
const partsOf = (dice: Dice, size: ClusterSize): readonly Part[] => {
  const [machine = '', other = ''] = dice.shuffled(numbered('node', size.nodes));
  const controllers = dice.shuffled(numbered('controller', size.controllers)).slice(0, size.controllers - 1);
  const isRuntime = dice.happens(0.4);
  return [
    { target: machine, kinds: machineKinds },
    ...controllers.map((target) => ({ target, kinds: processKinds })),
    { target: dice.of(numbered('etcd', size.etcd)), kinds: processKinds },
    { target: `${other}-${isRuntime ? 'containerd' : 'agent'}`, kinds: isRuntime ? runtimeKinds : processKinds },
    { target: other, kinds: ['container'] },
  ];
};

/** One fault of the part, or two with a rest between them; all over when the window is. */
const faultsOf = (dice: Dice, { target, kinds }: Part): readonly Fault[] => {
  const faults: Fault[] = [];
  let atMs = dice.between(0, startMsMax);
  for (let count = dice.happens(chanceOfSecond) ? 2 : 1; count > 0; count -= 1) {
    const kind = dice.of(kinds);
    const forMs = dice.between(...durationsMs[kind]);
    if (atMs + forMs > windowMs) break;
    // A machine boots, and a container that is killed twice waits before it starts again: once in a window is enough.
    if (faults.some((earlier) => earlier.kind === 'power' || earlier.kind === 'container')) break;
    faults.push({ kind, target, atMs, forMs });
    atMs += forMs + restMs;
  }
  return faults;
};

/** The faults of one window, counted from 0, as they come: at least two parts suffer. */
export const planWindow = (seed: number, window: number, size: ClusterSize): readonly Fault[] => {
  const dice = new Dice(seed, window);
  const parts = dice.shuffled(partsOf(dice, size));
  const chosen = parts.filter((_, at) => dice.happens(chanceOfPart) || at < 2);
  return chosen.flatMap((part) => faultsOf(dice, part)).toSorted((a, b) => a.atMs - b.atMs);
};

const seconds = (ms: number): string => (ms / 1000).toFixed(1);

export const faultText = ({ kind, target, atMs, forMs }: Fault): string => `${seconds(atMs).padStart(4)} s  ${kind} ${target}${kind === 'kill' || kind === 'container' ? '' : ` for ${seconds(forMs)} s`}`;
