/** All loops of the elected leader but the scheduler, ready to start. */
import type { Liveness } from '../nodes/liveness.ts';
import { SystemNamespaces } from './bootstrap.ts';
import { Deployments } from './deployment.ts';
import { GarbageCollector } from './garbage-collector.ts';
import type { Loop, LoopParts } from './loop.ts';
import { Namespaces } from './namespace.ts';
import { NodeLeases } from './node-leases.ts';
import { NodeLifecycle } from './node-lifecycle.ts';
import { defaultPodNetwork, PodCidrs, type PodNetworkOptions } from './pod-cidr.ts';
import { PodGarbageCollector } from './pod-gc.ts';
import { Reconciler } from './reconciler.ts';
import { ReplicaSets } from './replica-set.ts';
import type { ServiceAllocator } from '../services/allocator.ts';
import { LoadBalancers } from '../services/load-balancers.ts';
import { ServiceEndpoints } from '../services/service-endpoints.ts';
import { TaintEviction } from './taint-eviction.ts';

export interface LoopsOptions extends LoopParts {
  readonly liveness: Liveness;
  readonly podNetwork?: PodNetworkOptions;
  readonly allocator: ServiceAllocator;
}

export const createLoops = ({ liveness, podNetwork = defaultPodNetwork, allocator, ...parts }: LoopsOptions): Loop[] => {
  const named = (name: string): LoopParts => ({ ...parts, log: parts.log.child(name) });
  const loop = (reconciliation: ConstructorParameters<typeof Reconciler>[1], workersMax?: number): Loop =>
    new Reconciler(named(reconciliation.name), reconciliation, workersMax);
  return [
    loop(new SystemNamespaces(parts)),
    loop(new Namespaces(parts)),
    loop(new Deployments(parts)),
    loop(new ReplicaSets(parts)),
    loop(new GarbageCollector(parts)),
    loop(new PodGarbageCollector(parts)),
    loop(new NodeLifecycle(parts, liveness)),
    loop(new NodeLeases(parts)),
    loop(new TaintEviction(parts)),
    loop(new ServiceEndpoints(parts)),
    loop(new LoadBalancers(parts, allocator), 1),
    // One worker, so that no two nodes are given the same subnet.
    loop(new PodCidrs(parts, podNetwork), 1),
  ];
};
