/** Objects of one kind as they are and as they change. */
import type { Client, Selection } from '../proto/client.ts';
import { isApiError } from '../proto/errors.ts';
import type { Kind } from '../proto/kinds.ts';
import { objectKey } from '../proto/resources/meta.ts';
import type { KubeObject } from '../proto/resources/kubernetes.ts';

/** Objects by `namespace/name`; the same map each time, changed in place. */
export type Followed<T> = ReadonlyMap<string, T>;

/**
 * Yields the selected objects at once and again after each change, until `signal` aborts. A position that the server
 * has forgotten is answered by listing again. Throws ApiError, ConnectionError.
 */
export async function* follow<T extends KubeObject>(client: Client, kind: Kind, selection: Selection, signal: AbortSignal): AsyncGenerator<Followed<T>> {
  const objects = new Map<string, T>();
  while (!signal.aborted) {
    const { items, resourceVersion } = await client.list<T>(kind, selection, { signal });
    objects.clear();
    for (const item of items) objects.set(objectKey(item), item);
    yield objects;
    try {
      for await (const { type, object } of client.watch<T>(kind, selection, resourceVersion, signal)) {
        if (type === 'DELETED') objects.delete(objectKey(object));
        else objects.set(objectKey(object), object);
        yield objects;
      }
    } catch (error) {
      if (!isApiError(error, 'Expired') && !isApiError(error, 'Gone')) throw error;
    }
  }
}
