/** The subresource binding: gives a pod its node, once. */
import { ApiError, conflict } from '../../proto/errors.ts';
import { podKind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import type { KubeObject, Pod } from '../../proto/resources/kubernetes.ts';
import { isBeingDeleted } from '../../proto/resources/meta.ts';
import type { Stored } from '../store/stored.ts';
import { rewriteObject } from './update.ts';
import type { WriteOptions } from './verbs.ts';
import { keyOf, type WriteContext } from './write-context.ts';

type Condition = Record<string, unknown> & { type?: unknown };

const scheduled = (pod: Pod, now: string, why: string | undefined): Condition[] => {
  const others = ((pod.status?.conditions ?? []) as unknown as Condition[]).filter(({ type }) => type !== 'PodScheduled');
  return [...others, { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now, ...(why ? { message: why } : {}) }];
};

const bound = (pod: Pod, uid: string, nodeName: string, now: string, why: string | undefined): KubeObject => {
  const name = pod.metadata.name ?? '';
  if (uid && pod.metadata.uid !== uid) {
    throw conflict(podKind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  }
  if (isBeingDeleted(pod)) throw conflict(podKind, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName) throw conflict(podKind, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  if ((pod.spec?.schedulingGates ?? []).length > 0) {
    throw conflict(podKind, name, `pod ${name} has non-empty .spec.schedulingGates`);
  }
  return { ...pod, spec: { ...pod.spec, nodeName }, status: { ...pod.status, conditions: scheduled(pod, now, why) } };
};

/**
 * Binds the pod to the node; an empty `uid` means whichever pod has the name. `why` becomes the message of the condition.
 *
 * @throws ApiError Conflict when the pod has a node, is being deleted or is another one; NotFound
 */
export const bindPod = (
  context: WriteContext,
  namespace: string,
  name: string,
  uid: string,
  nodeName: string,
  options: WriteOptions,
  why?: string,
): Promise<Stored> => {
  if (!nodeName) {
    throw new ApiError('Invalid', `Binding "${name}" is invalid: target.name: Required value`, {
      name,
      kind: 'Binding',
      causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'target.name' }],
    });
  }
  const now = timestamp(context.clock.nowMs());
  return rewriteObject(context, {
    kind: podKind,
    key: keyOf(namespace, name),
    options: { ...options, subresource: 'binding' },
    trusted: true,
    produce: ({ object }) => bound(object as Pod, uid, nodeName, now, why),
  });
};
