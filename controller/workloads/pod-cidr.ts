/**
 * Gives every node its own range of pod addresses: one subnet of the cluster's range, kept until the node is deleted. Pods may
 * still run on a node that was deleted, so its subnet rests before another gets it; the same node, made anew, gets it at once.
 *
 * Writes: spec.podCIDR and spec.podCIDRs of nodes.
 * Invariant: no two nodes have the same subnet. One worker alone gives them out, and it counts those it has given.
 */
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import type { Change } from '../store/stored.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Reconciliation } from './reconciler.ts';
import { SubnetPool, SubnetRange } from './subnet-pool.ts';

const name = 'node-ipam-controller';

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
  #pool: SubnetPool;
  /** Whether this term has looked for pods of nodes that were deleted before it. */
  #looked = false;

  constructor(parts: LoopParts, podNetwork: PodNetworkOptions) {
    this.#parts = parts;
    this.#range = new SubnetRange(podNetwork.range, podNetwork.subnetBits);
    this.#pool = new SubnetPool(this.#range);
  }

  reset(): void {
    this.#pool = new SubnetPool(this.#range);
    this.#looked = false;
  }

  *keysOf({ type, stored }: Change): Iterable<string> {
    const subnet = (stored.object as Node).spec?.podCIDR;
    if (type === 'DELETED') this.#pool.free(stored.key, this.#parts.clock.monotonicMs());
    else if (subnet) this.#pool.take(subnet, stored.key);
    else yield stored.key;
  }

  async reconcile(key: string): Promise<void> {
    const { reader, verbs, recorder, clock } = this.#parts;
    const node = reader.get<Node>(nodeKind, key)?.object;
    if (node === undefined || node.spec?.podCIDR) return;
    this.#lookForPods();
    const subnet = this.#pool.pick(key, clock.monotonicMs());
    if (subnet === undefined) {
      recorder.record(node, 'Warning', 'CIDRNotAvailable', `Node ${key} status is now: CIDRNotAvailable`, { component: name });
      // Comes back when a node changes; and by its backoff when one is deleted, or a subnet has rested.
      throw new Error('no pod subnet is free');
    }
    this.#pool.take(subnet, key);
    try {
      await verbs.modify<Node>(
        nodeKind,
        key,
        (present) => (present.spec?.podCIDR ? undefined : { ...present, spec: { ...present.spec, podCIDR: subnet, podCIDRs: [subnet] } }),
        writesAs(name),
      );
    } finally {
      const written = reader.get<Node>(nodeKind, key)?.object.spec?.podCIDR;
      if (written !== subnet) this.#pool.giveBack(subnet);
    }
  }

  /** Nodes that were deleted while another controller led are seen by the pods that they left, once a term. */
  #lookForPods(): void {
    if (this.#looked) return;
    this.#looked = true;
    const { reader, clock } = this.#parts;
    for (const { object } of reader.list<Pod>(podKind)) {
      const [nodeName, address] = [object.spec?.nodeName, object.status?.podIP];
      const subnet = address === undefined ? undefined : this.#range.of(address);
      if (nodeName && subnet && !reader.get(nodeKind, nodeName)) this.#pool.rest(subnet, nodeName, clock.monotonicMs());
    }
  }
}
