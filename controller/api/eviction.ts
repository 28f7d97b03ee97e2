/**
 * The eviction of a pod: a deletion that asks the pod's disruption budget first.
 *
 *     pod ──► pending, finished or leaving? ──────────────────────► delete
 *          ──► one budget ──► status.disruptionsAllowed - 1 ───────► delete
 *                              (compare-and-swap)
 *
 * The budget is charged before the pod is deleted, so that however many evict at once on however many controllers, no more
 * pods go than it allows. A deletion that fails afterwards costs the budget two minutes: then its loop counts the pod again.
 */
import { ApiError, isApiError } from '../../proto/errors.ts';
import { podDisruptionBudgetKind, podKind } from '../../proto/kinds.ts';
import type { Pod, PodDisruptionBudget } from '../../proto/resources/kubernetes.ts';
import { matchesSelector } from '../../proto/resources/selector.ts';
import { conflictAttemptsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { checkPreconditions, deleteObject } from './deletion.ts';
import { isBeyondBudgets, sparesUnready, spent, stillProcessed } from './disruption-budget.ts';
import { rewriteObject } from './update.ts';
import type { Deleted, DeleteOptions } from './verbs.ts';
import { findPresent, keyOf, type WriteContext } from './write-context.ts';

const reasonForPeople = { reason: 'EvictionByEvictionAPI', message: 'Eviction API: evicting' } as const;

/** The budget that counts the pod. @throws ApiError InternalError when there are several */
const budgetOf = ({ reader }: WriteContext, { metadata: { namespace = '', labels } }: Pod): PodDisruptionBudget | undefined => {
  const budgets = reader.list<PodDisruptionBudget>(podDisruptionBudgetKind, namespace).filter(({ object }) => matchesSelector(object.spec?.selector, labels));
  if (budgets.length > 1) {
    throw new ApiError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  }
  return budgets[0]?.object;
};

const charge = async (context: WriteContext, { metadata }: PodDisruptionBudget, pod: string, options: DeleteOptions): Promise<void> => {
  const { namespace = '', name = '' } = metadata;
  try {
    await rewriteObject(context, {
      kind: podDisruptionBudgetKind,
      key: keyOf(namespace, name),
      options: { user: options.user, fieldManager: options.fieldManager, subresource: 'status', dryRun: options.dryRun ?? false },
      produce: ({ object }) => spent(object as PodDisruptionBudget, pod, context.clock.nowMs()),
    });
  } catch (error) {
    if (isApiError(error, 'Conflict')) throw stillProcessed(name);
    // A budget that was deleted meanwhile protects nothing any more.
    if (!isApiError(error, 'NotFound')) throw error;
  }
};

/** One try; a pod that was judged by how it is goes only as that. */
const attempt = async (context: WriteContext, present: Stored<Pod>, options: DeleteOptions): Promise<Deleted> => {
  const { object: pod, revision } = present;
  // Before the budget is charged for nothing.
  checkPreconditions(podKind, present, options);
  const { namespace = '', name = '' } = pod.metadata;
  const remove = (asJudged: boolean): Promise<Deleted> => {
    const preconditions = { ...options.preconditions, ...(asJudged ? { resourceVersion: options.preconditions?.resourceVersion ?? String(revision) } : {}) };
    return deleteObject(context, podKind, namespace, name, { ...options, preconditions, disruption: reasonForPeople });
  };
  if (isBeyondBudgets(pod)) return remove(pod.status?.phase === 'Pending');
  const budget = budgetOf(context, pod);
  if (budget === undefined) return remove(false);
  if (sparesUnready(budget, pod)) return remove(true);
  await charge(context, budget, name, options);
  return remove(false);
};

/** @throws ApiError TooManyRequests (the budget allows none now), InternalError (several budgets), Conflict, Forbidden, NotFound, ServiceUnavailable */
export const evictPod = async (context: WriteContext, namespace: string, name: string, options: DeleteOptions): Promise<Deleted> => {
  for (let attempts = 1; ; attempts += 1) {
    const present = await findPresent<Pod>(context.reader, podKind, keyOf(namespace, name));
    try {
      return await attempt(context, present, options);
    } catch (error) {
      // The pod changed while it was judged. A demand of the client's own is its own to repeat.
      if (!isApiError(error, 'Conflict') || options.preconditions?.resourceVersion !== undefined || attempts >= conflictAttemptsMax) throw error;
      await context.reader.current();
      if (context.reader.get(podKind, keyOf(namespace, name))?.revision === present.revision) throw error;
    }
  }
};
