/** Which node has which subnet of the pod network, and which subnets rest. Pure. */
import { assert } from '../../proto/process/assert.ts';
import { subnetRestMs } from '../limits.ts';

/** NaN for what is no IPv4 address. */
const numberOf = (address: string): number => address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0);

/** Subnets of one IPv4 range, by number. Pure. */
export class SubnetRange {
  readonly size: number;
  readonly #baseAddress: number;
  readonly #bits: number;

  /** @param range such as `10.244.0.0/16` @param subnetBits length of a subnet's prefix, such as 24 */
  constructor(range: string, subnetBits: number) {
    const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(range);
    assert(match, `${range} is not an IPv4 range`);
    const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
    assert([a, b, c, d].every((byte) => byte < 256), `${range} is not an IPv4 range`);
    assert(bits <= subnetBits && subnetBits <= 30, `subnets of /${subnetBits} do not fit in ${range}`);
    this.size = 2 ** (subnetBits - bits);
    this.#bits = subnetBits;
    const address = numberOf([a, b, c, d].join('.'));
    this.#baseAddress = address - (address % 2 ** (32 - bits));
  }

  /** The subnet that an address lies in; undefined when it is not of the range. */
  of(address: string): string | undefined {
    const index = Math.floor((numberOf(address) - this.#baseAddress) / 2 ** (32 - this.#bits));
    return index >= 0 && index < this.size ? this.at(index) : undefined;
  }

  at(index: number): string {
    const address = this.#baseAddress + index * 2 ** (32 - this.#bits);
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
    return `${bytes.join('.')}/${this.#bits}`;
  }
}

export class SubnetPool {
  readonly #range: SubnetRange;
  /** Subnet -> node: those that nodes carry, and those given and not yet written. */
  readonly #taken = new Map<string, string>();
  /** Subnet -> who had it, and from when on another may. */
  readonly #resting = new Map<string, { readonly node: string; readonly untilMs: number }>();
  /** Where the search goes on, so that a subnet just freed is used again last. */
  #next = 0;

  constructor(range: SubnetRange) {
    this.#range = range;
  }

  take(subnet: string, node: string): void {
    this.#taken.set(subnet, node);
    this.#resting.delete(subnet);
  }

  /** It was not used after all. */
  giveBack(subnet: string): void {
    this.#taken.delete(subnet);
  }

  /** The node is gone. */
  free(node: string, nowMs: number): void {
    for (const [subnet, owner] of this.#taken) if (owner === node) this.rest(subnet, node, nowMs);
  }

  /** Keeps the subnet from all but the node that had it, for a while. */
  rest(subnet: string, node: string, nowMs: number): void {
    this.#taken.delete(subnet);
    this.#resting.set(subnet, { node, untilMs: nowMs + subnetRestMs });
  }

  /** The subnet that the node had before, or one that is free; undefined when there is none. */
  pick(node: string, nowMs: number): string | undefined {
    for (const [subnet, resting] of this.#resting) {
      if (resting.node === node) return subnet;
      if (resting.untilMs <= nowMs) this.#resting.delete(subnet);
    }
    for (let tried = 0; tried < this.#range.size; tried += 1) {
      const subnet = this.#range.at(this.#next);
      this.#next = (this.#next + 1) % this.#range.size;
      if (!this.#taken.has(subnet) && !this.#resting.has(subnet)) return subnet;
    }
    return undefined;
  }
}
