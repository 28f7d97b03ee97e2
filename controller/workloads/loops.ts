/** All loops of the elected leader but the scheduler, ready to start. */
import type { Liveness } from '../nodes/liveness.ts';
import type { ServiceAllocator } from '../services/allocator.ts';
import type { ApiAddresses } from '../services/api-addresses.ts';
import { ApiService } from '../services/api-service.ts';
import { ClaimsRepair } from '../services/claims-repair.ts';
import { EndpointsMirror } from '../services/endpoints-mirror.ts';
import { LoadBalancers } from '../services/load-balancers.ts';
import { ServiceEndpoints } from '../services/service-endpoints.ts';
import { apiServiceAddress, serviceClaims, type ServiceNetwork } from '../services/service-network.ts';
import type { FencedKv } from '../store/fence.ts';
import { SystemNamespaces } from './bootstrap.ts';
import { Deployments } from './deployment.ts';
import { Disruptions } from './disruption.ts';
import { GarbageCollector } from './garbage-collector.ts';
import type { Loop, LoopParts } from './loop.ts';
import { Namespaces } from './namespace.ts';
import { NodeLeases } from './node-leases.ts';
import { NodeLifecycle } from './node-lifecycle.ts';
import { defaultPodNetwork, PodCidrs, type PodNetworkOptions } from './pod-cidr.ts';
import { PodGarbageCollector } from './pod-gc.ts';
import { Reconciler } from './reconciler.ts';
import { ReplicaSets } from './replica-set.ts';
import { TaintEviction } from './taint-eviction.ts';
import { TokenCleaner } from './token-cleaner.ts';

/** What the loops of services need beside the rest. */
export interface ServiceParts {
  readonly kv: FencedKv;
  readonly network: ServiceNetwork;
  readonly allocator: ServiceAllocator;
  readonly apiAddresses: ApiAddresses;
}

export interface LoopsOptions extends LoopParts {
  readonly liveness: Liveness;
  readonly podNetwork?: PodNetworkOptions;
  readonly services: ServiceParts;
  /** How long a pod that does not say itself stays on a node that is not ready or unreachable. */
  readonly podEvictionSeconds?: number;
}

export const createLoops = ({ liveness, podNetwork = defaultPodNetwork, services, podEvictionSeconds = 0, ...parts }: LoopsOptions): Loop[] => {
  const named = (name: string): LoopParts => ({ ...parts, log: parts.log.child(name) });
  const loop = (reconciliation: ConstructorParameters<typeof Reconciler>[1], workersMax?: number): Loop =>
    new Reconciler(named(reconciliation.name), reconciliation, workersMax);
  return [
    loop(new SystemNamespaces(parts)),
    loop(new Namespaces(parts)),
    loop(new Deployments(parts)),
    loop(new ReplicaSets(parts)),
    loop(new Disruptions(parts)),
    loop(new GarbageCollector(parts)),
    loop(new PodGarbageCollector(parts)),
    loop(new NodeLifecycle(parts, liveness)),
    loop(new NodeLeases(parts)),
    loop(new TaintEviction(parts, podEvictionSeconds)),
    loop(new TokenCleaner(parts)),
    loop(new ServiceEndpoints(parts)),
    loop(new EndpointsMirror(parts)),
    loop(new ApiService(parts, services.apiAddresses, apiServiceAddress(services.network)), 1),
    new ClaimsRepair(named('claims-repair'), services.kv, serviceClaims(services.network)),
    loop(new LoadBalancers(parts, services.allocator), 1),
    // One worker, so that no two nodes are given the same subnet.
    loop(new PodCidrs(parts, podNetwork), 1),
  ];
};
