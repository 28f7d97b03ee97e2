/**
 * Gives every node its own range of pod addresses: one subnet of the cluster's range, kept until the node is deleted.
 *
 * Writes: spec.podCIDR and spec.podCIDRs of nodes.
 * Invariant: no two nodes have the same subnet. One worker alone gives them out, and it counts those it has given.
 */
import { assert } from '../../proto/process/assert.ts';
import { nodeKind } from '../../proto/kinds.ts';
import type { Node } from '../../proto/resources/kubernetes.ts';
import type { Change } from '../store/stored.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Reconciliation } from './reconciler.ts';

const name = 'node-ipam-controller';

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
    const address = ((a * 256 + b) * 256 + c) * 256 + d;
    this.#baseAddress = address - (address % 2 ** (32 - bits));
  }

  at(index: number): string {
    const address = this.#baseAddress + index * 2 ** (32 - this.#bits);
    const bytes = [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256);
    return `${bytes.join('.')}/${this.#bits}`;
  }
}

export interface PodNetworkOptions {
  /** The cluster's range, such as `10.244.0.0/16`. */
  readonly range: string;
  /** Prefix length of a node's subnet, such as 24. */
  readonly subnetBits: number;
}

export const defaultPodNetwork: PodNetworkOptions = { range: '10.244.0.0/16', subnetBits: 24 };

export class PodCidrs implements Reconciliation {
  readonly name = name;
  readonly kinds = [nodeKind];
  readonly #parts: LoopParts;
  readonly #range: SubnetRange;
  /** Subnet -> node: those that nodes carry, and those given and not yet written. */
  readonly #taken = new Map<string, string>();
  /** Where the search goes on, so that a subnet just freed is used again last. */
  #next = 0;

  constructor(parts: LoopParts, podNetwork: PodNetworkOptions) {
    this.#parts = parts;
    this.#range = new SubnetRange(podNetwork.range, podNetwork.subnetBits);
  }

  reset(): void {
    this.#taken.clear();
    this.#next = 0;
  }

  *keysOf({ type, stored }: Change): Iterable<string> {
    const node = stored.object as Node;
    const subnet = node.spec?.podCIDR;
    if (type === 'DELETED') {
      for (const [taken, owner] of this.#taken) if (owner === stored.key) this.#taken.delete(taken);
    } else if (subnet) this.#taken.set(subnet, stored.key);
    else yield stored.key;
  }

  async reconcile(key: string): Promise<void> {
    const { reader, verbs, recorder } = this.#parts;
    const node = reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || node.spec?.podCIDR) return;
    const subnet = this.#pick();
    if (subnet === undefined) {
      recorder.record(node, 'Warning', 'CIDRNotAvailable', `Node ${key} status is now: CIDRNotAvailable`, { component: name });
      // Comes back when a node changes; and by its backoff when one is deleted.
      throw new Error('no pod subnet is free');
    }
    this.#taken.set(subnet, key);
    try {
      await verbs.modify<Node>(
        nodeKind,
        key,
        (present) => (present.spec?.podCIDR ? undefined : { ...present, spec: { ...present.spec, podCIDR: subnet, podCIDRs: [subnet] } }),
        writesAs(name),
      );
    } finally {
      const written = reader.get<Node>(nodeKind, key)?.object.spec?.podCIDR;
      if (written !== subnet) this.#taken.delete(subnet);
    }
  }

  #pick(): string | undefined {
    for (let tried = 0; tried < this.#range.size; tried += 1) {
      const subnet = this.#range.at(this.#next);
      this.#next = (this.#next + 1) % this.#range.size;
      if (!this.#taken.has(subnet)) return subnet;
    }
    return undefined;
  }
}
