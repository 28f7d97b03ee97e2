/** The namespaces that every cluster has; made when they are missing, each time a controller becomes leader. */
import { namespaceKind } from '../../proto/kinds.ts';
import type { Namespace } from '../../proto/resources/kubernetes.ts';
import type { Change } from '../store/stored.ts';
import { ignoring } from './ignoring.ts';
import { type LoopParts, writesAs } from './loop.ts';
import type { Reconciliation } from './reconciler.ts';

export const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

export class SystemNamespaces implements Reconciliation {
  readonly name = 'system-namespaces';
  readonly kinds = [namespaceKind];
  readonly #parts: LoopParts;

  constructor(parts: LoopParts) {
    this.#parts = parts;
  }

  attach(add: (key: string) => void): void {
    for (const namespace of systemNamespaces) add(namespace);
  }

  keysOf({ type, stored }: Change): string[] {
    return type === 'DELETED' && (systemNamespaces as readonly string[]).includes(stored.key) ? [stored.key] : [];
  }

  async reconcile(name: string): Promise<void> {
    const { reader, verbs } = this.#parts;
    if (reader.get(namespaceKind, name)) return;
    const namespace: Namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await ignoring(['AlreadyExists'], verbs.create(namespaceKind, '', namespace, writesAs(this.name)));
  }
}
