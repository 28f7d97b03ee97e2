/** metrics.k8s.io: NodeMetrics and PodMetrics, kept nowhere but measured by the nodes when somebody asks. */
import { ApiError } from '../../proto/errors.ts';
import { nodeKind, nodeMetricsKind, podKind, podMetricsKind } from '../../proto/kinds.ts';
import type { ContainerUsage, NodeUsage, Usage } from '../../proto/node-usage.ts';
import { timestamp } from '../../proto/process/clock.ts';
import type { KubeObject, Node, ObjectMeta, Pod } from '../../proto/resources/kubernetes.ts';
import { usagesOf } from '../nodes/usages.ts';
import { jsonAnswer } from './answer.ts';
import { answer, type Backend, type Call } from './call.ts';
import { negotiateForm } from './negotiation.ts';
import { select, selectionOf } from './selection.ts';
import { findPresent, keyOf, missing } from './write-context.ts';

/** As metrics-server writes them: nanocores and kibibytes. */
const amounts = ({ cpuNanocores, workingSetBytes }: Usage): object => ({ cpu: `${cpuNanocores}n`, memory: `${Math.ceil(workingSetBytes / 1024)}Ki` });

const measuredAt = ({ timeMs, windowMs }: NodeUsage): object => ({ timestamp: timestamp(timeMs), window: `${(windowMs / 1000).toFixed(3)}s` });

const metadataOf = ({ metadata: { name, namespace, labels } }: KubeObject, { timeMs }: NodeUsage): ObjectMeta => ({
  name, ...(namespace ? { namespace } : {}), creationTimestamp: timestamp(timeMs), ...(labels ? { labels } : {}),
});

const nodeMetrics = (node: KubeObject, usage: NodeUsage): object => ({
  kind: nodeMetricsKind.kind, apiVersion: nodeMetricsKind.apiVersion, metadata: metadataOf(node, usage), ...measuredAt(usage), usage: amounts(usage.node),
});

const podMetrics = (pod: KubeObject, containers: readonly ContainerUsage[], usage: NodeUsage): object => ({
  kind: podMetricsKind.kind,
  apiVersion: podMetricsKind.apiVersion,
  metadata: metadataOf(pod, usage),
  ...measuredAt(usage),
  containers: containers.map((each) => ({ name: each.container, usage: amounts(each) })).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
});

const nodesMeasured = async (nodes: readonly Node[], backend: Backend): Promise<object[]> => {
  const usages = await usagesOf(nodes.map(({ metadata }) => metadata.name ?? ''), backend);
  return nodes.flatMap((node) => {
    const usage = usages.get(node.metadata.name ?? '');
    return usage ? [nodeMetrics(node, usage)] : [];
  });
};

/** By the pod's uid. */
export const containersByPod = ({ containers }: NodeUsage): ReadonlyMap<string, readonly ContainerUsage[]> => Map.groupBy(containers, ({ podUid }) => podUid);

const podsMeasured = async (pods: readonly Pod[], backend: Backend): Promise<object[]> => {
  const usages = await usagesOf(pods.flatMap(({ spec }) => spec?.nodeName ?? []), backend);
  const byNode = new Map([...usages].map(([name, usage]) => [name, { usage, containers: containersByPod(usage) }]));
  return pods.flatMap((pod) => {
    const measured = byNode.get(pod.spec?.nodeName ?? '');
    const containers = measured?.containers.get(pod.metadata.uid ?? '');
    // One of which nothing runs, or not yet: as if there were no such pod.
    return measured && containers ? [podMetrics(pod, containers, measured.usage)] : [];
  });
};

/** GET of either kind: of one object, or of all that are selected as the nodes or pods themselves would be. */
export const handleUsage = async (call: Call, backend: Backend): Promise<void> => {
  const { target: { kind, namespace, name }, query } = call;
  negotiateForm(call.headers.accept);
  const ofPods = kind === podMetricsKind;
  const measuredKind = ofPods ? podKind : nodeKind;
  const { reader } = backend;
  const found = name === undefined
    ? select(reader, selectionOf(measuredKind, namespace, query)).map(({ object }) => object)
    : [(await findPresent(reader, measuredKind, keyOf(namespace ?? '', name)).catch((error: unknown) => {
      throw error instanceof ApiError && error.reason === 'NotFound' ? missing(kind, keyOf(namespace ?? '', name)) : error;
    })).object];
  const items = ofPods ? await podsMeasured(found as Pod[], backend) : await nodesMeasured(found as Node[], backend);
  if (name === undefined) return answer(call, jsonAnswer(200, { kind: `${kind.kind}List`, apiVersion: kind.apiVersion, metadata: {}, items }));
  const [only] = items;
  if (!only) throw missing(kind, keyOf(namespace ?? '', name));
  await answer(call, jsonAnswer(200, only));
};
