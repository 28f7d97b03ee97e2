/**
 * The fence around what a leader writes: each of its transactions holds only while the election's key is the one that it won
 * with. One that stood still and writes on after another was elected is refused by etcd itself, whatever it believes.
 */
import { type Kv, type KvFence, KvUnavailable } from './kv.ts';

export interface Fence extends KvFence {
  /** Called when etcd refused a write for its sake: the leadership is over, and the write must not be tried again. */
  onBroken(): void;
}

/** What a loop needs that writes to etcd directly. Throws KvUnavailable once the fence is broken. */
export type FencedKv = Pick<Kv, 'get' | 'range' | 'txn'>;

export const fencedKv = (kv: Kv, fence: Fence): FencedKv => ({
  get: (key) => kv.get(key),
  range: (prefix) => kv.range(prefix),
  txn: async (writes) => {
    const result = await kv.txn(writes, fence);
    if (result.succeeded || !result.fenced) return result;
    fence.onBroken();
    throw new KvUnavailable('this controller leads no more; nothing was written');
  },
});
