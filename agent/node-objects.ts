/** The objects that this node's pods name, as sessions deliver them. What was delivered stays while no session is there. */
import type { ObjectChanges, ObjectName } from '../proto/node-service.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';
import type { NodeObjects, ObjectKind } from './objects.ts';

type OnChange = (kind: ObjectKind, namespace: string, name: string) => void;

const keyOf = ({ kind, namespace, name }: ObjectName): string => `${kind}/${namespace}/${name}`;
const nameOf = ({ kind, metadata }: KubeObject): ObjectName => ({ kind, namespace: metadata.namespace ?? '', name: metadata.name ?? '' });

export class NodeObjectStore implements NodeObjects {
  readonly #objects = new Map<string, KubeObject>();
  readonly #subscribers = new Set<OnChange>();
  /** Keys that this session has named, until it says that they are complete; undefined after. */
  #named: Set<string> | undefined;

  get<T extends KubeObject = KubeObject>(kind: ObjectKind, namespace: string, name: string): T | undefined {
    return this.#objects.get(keyOf({ kind, namespace, name })) as T | undefined;
  }

  subscribe(onChange: OnChange): { close(): void } {
    this.#subscribers.add(onChange);
    return { close: () => void this.#subscribers.delete(onChange) };
  }

  /** A session begins: the objects that it does not name until it is complete are gone. */
  begin(): void {
    this.#named = new Set();
  }

  /** Throws SyntaxError for what is not JSON. */
  take({ objects, removed, complete }: ObjectChanges): void {
    for (const bytes of objects) {
      const object = JSON.parse(String(bytes)) as KubeObject;
      const name = nameOf(object);
      const key = keyOf(name);
      const before = this.#objects.get(key);
      this.#objects.set(key, object);
      this.#named?.add(key);
      // A new session sends what is known already; volumes need not look again.
      if (before?.metadata.uid !== object.metadata.uid || before?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#tell(name);
    }
    for (const name of removed) this.#remove(name);
    if (!complete || this.#named === undefined) return;
    const named = this.#named;
    this.#named = undefined;
    for (const [key, object] of this.#objects) if (!named.has(key)) this.#remove(nameOf(object));
  }

  #remove(name: ObjectName): void {
    if (this.#objects.delete(keyOf(name))) this.#tell(name);
  }

  #tell({ kind, namespace, name }: ObjectName): void {
    for (const onChange of this.#subscribers) onChange(kind as ObjectKind, namespace, name);
  }
}
