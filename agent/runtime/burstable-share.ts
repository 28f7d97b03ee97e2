/**
 * The CPU share of the group that all burstable pods are in: what they asked for together, as in Kubernetes. Without it they
 * had one pod's share among the guaranteed pods beside them, whatever their number.
 *
 * A running sum: each pod costs one write when it comes and one when it goes. What ran before this agent is read off the
 * pods' own groups, once.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { cpuShares, cpuWeight, milliOfShares, milliOfWeight } from './resources.ts';

export interface ShareFile {
  /** The group of all burstable pods, in the hierarchy that has the CPU controller. */
  readonly group: string;
  /** cpu.shares of v1, cpu.weight of v2. */
  readonly name: 'cpu.shares' | 'cpu.weight';
}

const podPrefix = 'pod';

export class BurstableShare {
  readonly #file: ShareFile;
  readonly #milliOf = new Map<string, number>();
  #sumMilli = 0;
  #written: string | undefined;
  /** Writes follow each other, and each writes the sum of its time: the last one is right. */
  #writing: Promise<void> = Promise.resolve();

  constructor(file: ShareFile) {
    this.#file = file;
  }

  /** Counts the pods that have containers here already. To be called before anything else. */
  async adopt(): Promise<void> {
    const { group, name } = this.#file;
    const pods = (await readdir(group).catch(() => [])).filter((entry) => entry.startsWith(podPrefix));
    for (const pod of pods) {
      const uid = pod.slice(podPrefix.length);
      if (!(await this.#isInUse(uid))) continue;
      const value = Number(await readFile(`${group}/${pod}/${name}`, 'utf8').catch(() => '0'));
      this.#set(uid, name === 'cpu.shares' ? milliOfShares(value) : milliOfWeight(value));
    }
  }

  /** The pod asks for so much from now on. Resolves when the group has its share; rejects when the kernel does not take it. */
  async hold(uid: string, milli: number): Promise<void> {
    this.#set(uid, milli);
    await this.#write();
  }

  /** The pod asks for nothing any more, unless something of it still runs here. */
  async release(uid: string): Promise<void> {
    if (!this.#milliOf.has(uid) || (await this.#isInUse(uid))) return;
    this.#set(uid, undefined);
    // Where nothing burstable is left the group may be gone, too.
    await this.#write().catch(() => undefined);
  }

  /** Each of a pod's containers, and its sandbox, has a group below the pod's. */
  async #isInUse(uid: string): Promise<boolean> {
    const entries = await readdir(`${this.#file.group}/${podPrefix}${uid}`, { withFileTypes: true }).catch(() => []);
    return entries.some((entry) => entry.isDirectory());
  }

  #set(uid: string, milli: number | undefined): void {
    this.#sumMilli += (milli ?? 0) - (this.#milliOf.get(uid) ?? 0);
    if (milli === undefined) this.#milliOf.delete(uid);
    else this.#milliOf.set(uid, milli);
  }

  #write(): Promise<void> {
    const write = this.#writing.then(async () => {
      const { group, name } = this.#file;
      const shares = cpuShares(this.#sumMilli);
      const text = String(name === 'cpu.shares' ? shares : cpuWeight(shares));
      if (text === this.#written) return;
      this.#written = undefined;
      await writeFile(`${group}/${name}`, text);
      this.#written = text;
    });
    this.#writing = write.catch(() => undefined);
    return write;
  }
}
