/** Moves the work off a node: no more pods come to it, and those it has are evicted, as their disruption budgets allow. */
import type { Client } from '../../proto/client.ts';
import { isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';

const evictionRetryMs = 500;

const selectionOf = (node: string) => ({ fieldSelector: `spec.nodeName=${node}` });

export const podsOn = async (client: Client, node: string): Promise<readonly Pod[]> => (await client.list<Pod>(podKind, selectionOf(node))).items;

/** Evicts until the budgets allow it, or the pod is gone. */
const evict = async (client: Client, { metadata }: Pod, clock: Clock, signal: AbortSignal): Promise<void> => {
  const { name = '', namespace = '' } = metadata;
  for (;;) {
    try {
      await client.json('POST', objectPath(podKind, namespace, name, 'eviction'), {
        body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } }, signal,
      });
      return;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      if (!isApiError(error, 'TooManyRequests')) throw error;
      await clock.sleep(evictionRetryMs, signal);
    }
  }
};

/** Resolves when no pod is left on the node. Throws the signal's reason; the node then stays cordoned. */
export const drainNode = async (client: Client, node: string, clock: Clock, signal: AbortSignal): Promise<void> => {
  await client.patch(nodeKind, undefined, node, 'strategic', { spec: { unschedulable: true } }, { signal });
  const { items, resourceVersion } = await client.list<Pod>(podKind, selectionOf(node), { signal });
  const left = new Set(items.map(({ metadata }) => metadata.uid));
  const gone = async (): Promise<void> => {
    if (left.size === 0) return;
    for await (const { type, object } of client.watch<Pod>(podKind, selectionOf(node), resourceVersion, signal)) {
      if (type === 'DELETED') left.delete(object.metadata.uid);
      if (left.size === 0) return;
    }
    signal.throwIfAborted();
  };
  await Promise.all([gone(), ...items.map((pod) => evict(client, pod, clock, signal))]);
};
