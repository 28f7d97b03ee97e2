/**
 * The verb delete. An object goes at once unless something wants to see it go: finalizers, a namespace's contents, or a
 * pod's node, which stops the containers first. Then it is marked (deletionTimestamp) and goes with its last reason to stay.
 */
import { conflict, isApiError } from '../../proto/errors.ts';
import { type Kind, namespaceKind, podKind } from '../../proto/kinds.ts';
import { parseTimestamp, timestamp } from '../../proto/process/clock.ts';
import { setCondition } from '../../proto/resources/conditions.ts';
import type { KubeObject, Namespace, ObjectMeta, Pod } from '../../proto/resources/kubernetes.ts';
import { admit } from '../admission/chain.ts';
import { conflictAttemptsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { mayVanish, rewriteObject } from './update.ts';
import type { Deleted, DeleteOptions, WriteOptions } from './verbs.ts';
import { findPresent, keyOf, unsaved, type WriteContext } from './write-context.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';
const defaultGraceSeconds = 30;

/** @throws ApiError Conflict */
export const checkPreconditions = (kind: Kind, present: Stored, options: DeleteOptions): void => {
  const { uid, resourceVersion } = options.preconditions ?? {};
  const { name = '', uid: presentUid = '' } = present.object.metadata;
  if (uid !== undefined && uid !== presentUid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${presentUid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== String(present.revision)) {
    throw conflict(
      kind,
      name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${present.revision}`,
    );
  }
};

/** The finalizers that the propagation policy asks for; those of others stay. */
const finalizersFor = (metadata: ObjectMeta, policy: DeleteOptions['propagationPolicy']): string[] => {
  const present = metadata.finalizers ?? [];
  if (policy === undefined) return present;
  const others = present.filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  if (policy === 'Orphan') return [...others, orphanFinalizer];
  if (policy === 'Foreground') return [...others, foregroundFinalizer];
  return others;
};

/** Seconds that the object's node gets to stop it; 0 for all but running pods. */
const graceOf = (kind: Kind, object: KubeObject, asked: number | undefined): number => {
  if (kind !== podKind) return 0;
  const { spec, status } = object as Pod;
  if (!spec?.nodeName || status?.phase === 'Succeeded' || status?.phase === 'Failed') return 0;
  const seconds = asked ?? spec.terminationGracePeriodSeconds ?? defaultGraceSeconds;
  return seconds < 0 ? 1 : seconds;
};

type Marks = Pick<ObjectMeta, 'deletionGracePeriodSeconds'> & { deletionTimestamp: string };

/** The marks of a deletion that starts now, or of one under way whose grace may only become shorter. */
const marksOf = (metadata: ObjectMeta, graceSeconds: number, explicit: boolean, nowMs: number): Marks => {
  const began = metadata.deletionTimestamp as string | undefined;
  if (!began) {
    return { deletionTimestamp: timestamp(nowMs + graceSeconds * 1000), deletionGracePeriodSeconds: graceSeconds };
  }
  const before = metadata.deletionGracePeriodSeconds ?? 0;
  if (!explicit || graceSeconds >= before) return { deletionTimestamp: began, deletionGracePeriodSeconds: before };
  const startMs = parseTimestamp(began) - before * 1000;
  return { deletionTimestamp: timestamp(startMs + graceSeconds * 1000), deletionGracePeriodSeconds: graceSeconds };
};

const disrupted = (pod: Pod, why: NonNullable<DeleteOptions['disruption']>, nowMs: number): Pod => ({
  ...pod,
  status: { ...pod.status, conditions: setCondition(pod.status?.conditions, { type: 'DisruptionTarget', status: 'True', ...why }, nowMs) },
});

/** The object with its deletion under way. */
const marked = (kind: Kind, present: KubeObject, options: DeleteOptions, nowMs: number): KubeObject => {
  const explicit = options.gracePeriodSeconds !== undefined;
  const marks = marksOf(present.metadata, graceOf(kind, present, options.gracePeriodSeconds), explicit, nowMs);
  const finalizers = finalizersFor(present.metadata, options.propagationPolicy);
  const { finalizers: _finalizers, ...metadata } = present.metadata;
  const generation = metadata.generation;
  const next = {
    ...present,
    metadata: {
      ...metadata,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      ...(kind.generation && generation && !metadata.deletionTimestamp ? { generation: generation + 1 } : {}),
      ...marks,
    },
  } as KubeObject;
  if (kind === podKind && options.disruption) return disrupted(next as Pod, options.disruption, nowMs);
  if (kind !== namespaceKind) return next;
  return { ...next, status: { ...(present as Namespace).status, phase: 'Terminating' } };
};

const removeNow = async (context: WriteContext, present: Stored, options: WriteOptions): Promise<Deleted> => {
  if (options.dryRun) return { stored: present, gone: true };
  return { stored: await context.writer.remove(present.kind, present.key, present.revision), gone: true };
};

const attempt = async (context: WriteContext, present: Stored, options: DeleteOptions): Promise<Deleted> => {
  const { kind, key } = present;
  checkPreconditions(kind, present, options);
  const next = marked(kind, present.object, options, context.clock.nowMs());
  if (mayVanish(next)) return removeNow(context, present, options);
  if (options.dryRun) return { stored: unsaved(kind, next, present.revision), gone: false };
  const stored = await rewriteObject(context, {
    kind,
    key,
    options,
    trusted: true,
    // Only the object that was judged: a changed one is judged anew.
    produce: (now) => {
      if (now.revision !== present.revision) throw conflict(kind, next.metadata.name ?? '');
      return next;
    },
  });
  return { stored, gone: false };
};

/**
 * Deletes an object, or starts to. Conflicts with other writers are tried again on what they wrote.
 *
 * @throws ApiError Conflict (preconditions), Forbidden, NotFound, ServiceUnavailable
 */
export const deleteObject = async (
  context: WriteContext,
  kind: Kind,
  namespace: string,
  name: string,
  options: DeleteOptions,
): Promise<Deleted> => {
  const key = keyOf(namespace, name);
  await admit({ operation: 'delete', kind, namespace, name, user: options.user }, context.reader);
  for (let attempts = 1; ; attempts += 1) {
    const present = await findPresent(context.reader, kind, key);
    try {
      return await attempt(context, present, options);
    } catch (error) {
      if (!isApiError(error, 'Conflict') || attempts >= conflictAttemptsMax) throw error;
      await context.reader.current();
      if (context.reader.get(kind, key)?.revision === present.revision) throw error;
    }
  }
};

const nodeOptions: WriteOptions = { user: { name: 'system:node', groups: [] }, fieldManager: 'kubelet' };

/** The node's half of a pod's graceful deletion: it has stopped, so nothing but finalizers may keep it. */
export const finishPodDeletion = async (context: WriteContext, namespace: string, name: string, uid: string): Promise<void> => {
  try {
    await rewriteObject(context, {
      kind: podKind,
      key: keyOf(namespace, name),
      options: nodeOptions,
      trusted: true,
      produce: ({ object }) => {
        if (object.metadata.uid !== uid || !object.metadata.deletionTimestamp) return undefined;
        return { ...object, metadata: { ...object.metadata, deletionGracePeriodSeconds: 0 } };
      },
    });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
};
