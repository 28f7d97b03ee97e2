/**
 * A node's object: made when its agent first says Hello, its status kept as the agent reports it.
 *
 * The agent owns status and the three labels below. Spec, other labels and annotations are people's and the control
 * plane's. The Ready condition is the agent's while its session lasts; the node loop sets it Unknown when the lease is gone.
 */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import type { Node, NodeCondition, NodeStatus } from '../../proto/resources/kubernetes.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import type { Reader } from '../store/reader.ts';

const agentLabels = ['kubernetes.io/hostname', 'kubernetes.io/os', 'kubernetes.io/arch'];
/** The deprecated names that old charts still select by. */
const labelAliases = { 'beta.kubernetes.io/os': 'kubernetes.io/os', 'beta.kubernetes.io/arch': 'kubernetes.io/arch' };

/** The labels that the agent may set, out of those that it sent. */
export const labelsOf = (sent: Readonly<Record<string, string>> | undefined): Record<string, string> => {
  const labels: Record<string, string> = {};
  for (const label of agentLabels) if (sent?.[label]) labels[label] = sent[label];
  for (const [alias, label] of Object.entries(labelAliases)) if (labels[label]) labels[alias] = labels[label];
  return labels;
};

/** The status to store: the agent's, with the times at which conditions last changed kept. */
export const nodeStatusOf = (present: NodeStatus | undefined, reported: NodeStatus, nowMs: number): NodeStatus => {
  const now = timestamp(nowMs);
  const before = new Map((present?.conditions ?? []).map((condition) => [condition.type, condition]));
  const conditions = (reported.conditions ?? []).map((condition): NodeCondition => {
    const old = before.get(condition.type);
    before.delete(condition.type);
    const same = old?.status === condition.status && old.reason === condition.reason && old.message === condition.message;
    return {
      ...condition,
      lastHeartbeatTime: same ? (old.lastHeartbeatTime ?? now) : now,
      lastTransitionTime: old?.status === condition.status ? (old.lastTransitionTime ?? now) : now,
    };
  });
  return { ...present, ...reported, conditions: [...before.values(), ...conditions] };
};

interface Parts {
  readonly reader: Reader;
  readonly verbs: Verbs;
  readonly options: WriteOptions;
  readonly nowMs: () => number;
  /** The session has ended: the node's next one has later news. */
  readonly over: AbortSignal;
}

/** Stores the status that the agent reports. Throws ApiError. */
export const writeNodeStatus = async (nodeName: string, reported: NodeStatus, { verbs, options, nowMs, over }: Parts): Promise<void> => {
  await verbs.modify<Node>(
    nodeKind,
    nodeName,
    (present) => (over.aborted ? undefined : { ...present, status: nodeStatusOf(present.status, reported, nowMs()) }),
    { ...options, subresource: 'status' },
  );
};

const createNode = async (nodeName: string, labels: Record<string, string>, { verbs, options }: Parts): Promise<void> => {
  const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, labels }, spec: {} };
  try {
    await verbs.create(nodeKind, '', node, options);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
};

/** Makes the node's object or brings its labels up to date, then stores its status. Throws ApiError. */
export const registerNode = async (nodeName: string, sent: Partial<Node>, parts: Parts): Promise<void> => {
  await parts.reader.current();
  const labels = labelsOf(sent.metadata?.labels);
  const present = parts.reader.get<Node>(nodeKind, nodeName)?.object;
  if (present === undefined) await createNode(nodeName, labels, parts);
  else if (Object.entries(labels).some(([label, value]) => present.metadata.labels?.[label] !== value)) {
    await parts.verbs.modify<Node>(
      nodeKind,
      nodeName,
      (node) => ({ ...node, metadata: { ...node.metadata, labels: { ...node.metadata.labels, ...labels } } }),
      parts.options,
    );
  }
  await writeNodeStatus(nodeName, sent.status ?? {}, parts);
};
