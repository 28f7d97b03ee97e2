/** Which nodes are alive: those whose etcd lease exists. The same answer for every controller at once. */
import type { Subscription } from '../store/reader.ts';

export interface Liveness {
  /** False until the first read of the leases is done: nobody may be called dead before that. */
  readonly ready: boolean;
  isAlive(nodeName: string): boolean;
  /** Called with the node's name whenever its answer changes, and once for every node when `ready` turns true. */
  subscribe(onChange: (nodeName: string) => void): Subscription;
}
