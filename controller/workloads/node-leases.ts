/**
 * The Lease object of each node in kube-node-lease, which `kubectl describe node` asks for. Made once and never
 * renewed: whether a node lives is told by its lease in etcd (nodes/liveness.ts), so that heartbeats write no object.
 */
import { leaseKind, nodeKind } from '../../proto/kinds.ts';
import type { Lease } from '../../proto/resources/kubernetes.ts';
import { controllerReference } from '../../proto/resources/meta.ts';
import { nodeLeaseTtlSeconds } from '../limits.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Reconciliation } from './reconciler.ts';

const namespace = 'kube-node-lease';

export class NodeLeases implements Reconciliation {
  readonly name = 'node-leases';
  readonly kinds = [nodeKind];
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  keysOf({ type, stored }: Change): string[] {
    return type === 'ADDED' ? [stored.key] : [];
  }

  /** The namespace may not be there yet when the first node comes: the failure is tried again. */
  async reconcile(name: string): Promise<void> {
    const { reader, verbs } = this.#parts;
    const node = reader.get(nodeKind, name)?.object;
    if (!node || reader.get(leaseKind, `${namespace}/${name}`)) return;
    const { controller: _, blockOwnerDeletion: __, ...owner } = controllerReference(node);
    const lease: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace, ownerReferences: [owner] },
      spec: { holderIdentity: name, leaseDurationSeconds: nodeLeaseTtlSeconds },
    };
    await ignoring(['AlreadyExists'], verbs.create(leaseKind, namespace, lease, writesAs(this.name)));
  }
}
