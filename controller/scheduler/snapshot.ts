/**
 * What the scheduler knows of the cluster: each node with what its pods take.
 *
 *     changes of pods and nodes ──► Cluster (changes in place) ── snapshot() ──► Snapshot (fixed)
 *     assume(pod, node) ──────────►    │
 *                                      └── a snapshot copies only the nodes that changed since the one before
 *
 * Invariants
 * - A pod counts on at most one node. One that has ended counts nowhere.
 * - A pod that was placed counts from `assume` until its binding is seen, or until `forget`.
 */
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { controllerOf } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import { nodeAllocatable, podRequests, type Resources } from '../../proto/resources/pod-resources.ts';
import { type HostPort, hostPortsOf } from './host-ports.ts';

/** A pod, as far as placing it is concerned. */
export interface PodFootprint {
  readonly uid: string;
  readonly requests: Resources;
  readonly hostPorts: readonly HostPort[];
  /** uid of the managing owner; empty when there is none. */
  readonly owner: string;
}

export const footprintOf = (pod: Pod): PodFootprint => ({
  uid: pod.metadata.uid ?? '',
  requests: podRequests(pod),
  hostPorts: hostPortsOf(pod),
  owner: controllerOf(pod)?.uid ?? '',
});

export interface NodeView {
  readonly node: Node;
  readonly allocatable: Resources;
  readonly requested: Resources;
  readonly pods: number;
  readonly hostPorts: readonly HostPort[];
  /** Number of pods by the uid of their owner. */
  readonly owners: ReadonlyMap<string, number>;
}

export type Snapshot = readonly NodeView[];

/** The view with one more pod; the given one is not changed. */
export const withPod = (view: NodeView, pod: PodFootprint): NodeView => {
  const requested: Record<string, number> = { ...view.requested };
  for (const name in pod.requests) requested[name] = (requested[name] ?? 0) + (pod.requests[name] ?? 0);
  const owners = pod.owner ? new Map(view.owners).set(pod.owner, (view.owners.get(pod.owner) ?? 0) + 1) : view.owners;
  const hostPorts = pod.hostPorts.length > 0 ? [...view.hostPorts, ...pod.hostPorts] : view.hostPorts;
  return { ...view, requested, pods: view.pods + 1, hostPorts, owners };
};

class NodeEntry {
  readonly pods = new Map<string, PodFootprint>();
  node: Node | undefined;
  /** Undefined when something changed since it was made. */
  view: NodeView | undefined;

  makeView(node: Node): NodeView {
    const requested: Record<string, number> = {};
    const hostPorts: HostPort[] = [];
    const owners = new Map<string, number>();
    for (const pod of this.pods.values()) {
      for (const name in pod.requests) requested[name] = (requested[name] ?? 0) + (pod.requests[name] ?? 0);
      hostPorts.push(...pod.hostPorts);
      if (pod.owner) owners.set(pod.owner, (owners.get(pod.owner) ?? 0) + 1);
    }
    return { node, allocatable: nodeAllocatable(node), requested, pods: this.pods.size, hostPorts, owners };
  }
}

export class Cluster {
  readonly #nodes = new Map<string, NodeEntry>();
  /** Where each pod counts. */
  readonly #nodeOfPod = new Map<string, string>();
  #snapshot: Snapshot | undefined;

  setNode(node: Node): void {
    const entry = this.#entry(node.metadata.name ?? '');
    entry.node = node;
    this.#changed(entry);
  }

  removeNode(name: string): void {
    const entry = this.#nodes.get(name);
    if (entry === undefined) return;
    entry.node = undefined;
    this.#changed(entry);
    this.#drop(name, entry);
  }

  /** A pod that has a node, as seen. */
  setPod(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const nodeName = pod.spec?.nodeName;
    if (!nodeName) return;
    if (isTerminal(pod)) this.forget(uid);
    // Requests cannot change while a pod is bound, so a later version of it changes nothing here.
    else if (this.#nodeOfPod.get(uid) !== nodeName) this.assume(footprintOf(pod), nodeName);
  }

  /** The pod counts on the node from now on. */
  assume(pod: PodFootprint, nodeName: string): void {
    this.forget(pod.uid);
    const entry = this.#entry(nodeName);
    entry.pods.set(pod.uid, pod);
    this.#nodeOfPod.set(pod.uid, nodeName);
    this.#changed(entry);
  }

  /** The pod counts nowhere: it has ended, is gone, or could not be bound. */
  forget(uid: string): void {
    const nodeName = this.#nodeOfPod.get(uid);
    const entry = nodeName === undefined ? undefined : this.#nodes.get(nodeName);
    this.#nodeOfPod.delete(uid);
    if (entry === undefined || nodeName === undefined) return;
    entry.pods.delete(uid);
    this.#changed(entry);
    this.#drop(nodeName, entry);
  }

  /** All nodes as they are now; never changes afterwards. */
  snapshot(): Snapshot {
    if (this.#snapshot === undefined) {
      const views: NodeView[] = [];
      for (const entry of this.#nodes.values()) {
        if (entry.node === undefined) continue;
        entry.view ??= entry.makeView(entry.node);
        views.push(entry.view);
      }
      this.#snapshot = views;
    }
    return this.#snapshot;
  }

  #entry(name: string): NodeEntry {
    let entry = this.#nodes.get(name);
    if (entry === undefined) {
      entry = new NodeEntry();
      this.#nodes.set(name, entry);
    }
    return entry;
  }

  #changed(entry: NodeEntry): void {
    entry.view = undefined;
    this.#snapshot = undefined;
  }

  #drop(name: string, entry: NodeEntry): void {
    if (entry.node === undefined && entry.pods.size === 0) this.#nodes.delete(name);
  }
}
