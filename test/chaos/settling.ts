/** Whether the cluster is what its specs say. */
import type { Client } from '../../proto/client.ts';
import { deploymentKind, nodeKind, podKind } from '../../proto/kinds.ts';
import type { Deployment, Node, Pod } from '../../proto/resources/kubernetes.ts';
import { conditionOf, isPodReady } from '../../proto/resources/pod.ts';
import { selection } from './watching.ts';

const callTimeoutMs = 5_000;

/** What a deployment still waits for. Pods that are on their way out are no matter of its count. */
export const deploymentLack = ({ metadata, spec, status }: Deployment, pods: readonly Pod[]): string | undefined => {
  const wanted = spec?.replicas ?? 1;
  const own = pods.filter((pod) => pod.metadata.labels?.['app'] === metadata.name && !pod.metadata.deletionTimestamp);
  const ready = own.filter(isPodReady).length;
  const told = `${metadata.name}: ${wanted} wanted, ${own.length} pods, ${ready} ready; its status has ${JSON.stringify({ ...status, conditions: undefined })} for generation ${metadata.generation}`;
  const counts = [own.length, ready, status?.replicas ?? 0, status?.updatedReplicas ?? 0, status?.readyReplicas ?? 0, status?.availableReplicas ?? 0];
  return counts.every((count) => count === wanted) && status?.observedGeneration === metadata.generation ? undefined : told;
};

/** What is not as it should be; undefined when all is. */
export const unsettled = async (client: Client): Promise<string | undefined> => {
  const options = { signal: AbortSignal.timeout(callTimeoutMs) };
  try {
    const [deployments, pods, nodes] = await Promise.all([
      client.list<Deployment>(deploymentKind, selection, options), client.list<Pod>(podKind, selection, options), client.list<Node>(nodeKind, {}, options),
    ]);
    const lacks = deployments.items.flatMap((deployment) => deploymentLack(deployment, pods.items) ?? []);
    const down = nodes.items.filter((node) => conditionOf(node.status, 'Ready')?.status !== 'True').map(({ metadata }) => `${metadata.name} is not ready`);
    return [...lacks, ...down].join('; ') || undefined;
  } catch (error) {
    return `the API does not answer: ${String(error)}`;
  }
};
