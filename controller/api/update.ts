/** The verbs that change an object: update, patch, modify, and everything else that rewrites one under optimistic concurrency. */
import { badRequest, conflict, invalid, isApiError } from '../../proto/errors.ts';
import { type Kind, namespaceKind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import type { KubeObject, Namespace } from '../../proto/resources/kubernetes.ts';
import { splitKey } from '../../proto/resources/meta.ts';
import { strategyFor } from '../../proto/resources/strategies.ts';
import { admit } from '../admission/chain.ts';
import { conflictAttemptsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { allocated } from './allocation.ts';
import { ownCopy } from './field-check.ts';
import { sameJson } from './json-equality.ts';
import { entriesToStartFrom, managedFieldsAfter } from './managed-fields.ts';
import type { WriteOptions } from './verbs.ts';
import { findPresent, keyOf, missing, unsaved, type WriteContext } from './write-context.ts';

export interface Rewrite {
  readonly kind: Kind;
  readonly key: string;
  readonly options: WriteOptions;
  /** Server-made changes (binding, deletion marks) pass no validation of what clients may change. */
  readonly trusted?: boolean;
  /** The strategy's subresource when it differs from the options' (scale writes spec). */
  readonly strategySubresource?: string;
  /** The new object; undefined leaves the present one. The result is copied before it is changed. */
  readonly produce: (present: Stored) => KubeObject | undefined;
}

/** Whether a deleted object has nothing left to wait for. */
export const mayVanish = (object: KubeObject): boolean => {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (!deletionTimestamp || (finalizers?.length ?? 0) > 0 || (deletionGracePeriodSeconds ?? 0) > 0) return false;
  const isNamespace = object.apiVersion === namespaceKind.apiVersion && object.kind === namespaceKind.kind;
  return !isNamespace || ((object as Namespace).spec?.finalizers?.length ?? 0) === 0;
};

const requireSameIdentity = (kind: Kind, next: KubeObject, old: KubeObject): void => {
  const { name = '', uid } = old.metadata;
  if (next.metadata.name && next.metadata.name !== name) {
    throw badRequest(`the name of the object (${next.metadata.name}) does not match the name on the URL (${name})`);
  }
  if (next.metadata.uid && next.metadata.uid !== uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${next.metadata.uid}, UID in object meta: ${uid}`);
  }
};

const serverOwned = ['name', 'namespace', 'uid', 'creationTimestamp', 'selfLink', 'generateName'] as const;

const keepServerMetadata = (next: KubeObject, old: KubeObject, trusted: boolean): void => {
  const metadata = next.metadata as Record<string, unknown>;
  const before = old.metadata as Record<string, unknown>;
  const names: readonly string[] = trusted ? serverOwned : [...serverOwned, 'generation', 'deletionTimestamp', 'deletionGracePeriodSeconds'];
  for (const name of names) {
    if (before[name] === undefined) delete metadata[name];
    else metadata[name] = before[name];
  }
};

const withoutBookkeeping = (object: KubeObject): KubeObject => {
  const { managedFields: _managedFields, resourceVersion: _resourceVersion, ...metadata } = object.metadata;
  return { ...object, metadata };
};

/** Writes managedFields into `next`; undefined when the write changes nothing at all. */
const recordManager = (context: WriteContext, next: KubeObject, old: KubeObject, options: WriteOptions): KubeObject | undefined => {
  const brought = next.metadata.managedFields;
  const start = entriesToStartFrom(old, next);
  const same = sameJson(withoutBookkeeping(next), withoutBookkeeping(old));
  if (same && (brought === undefined || sameJson(brought, old.metadata.managedFields ?? []))) return undefined;
  const manager = { name: options.fieldManager, subresource: options.subresource };
  const entries = managedFieldsAfter(old, next, start, manager, timestamp(context.clock.nowMs()));
  if (entries.length > 0) next.metadata.managedFields = entries;
  else delete next.metadata.managedFields;
  return next;
};

const prepare = async (context: WriteContext, rewrite: Rewrite, produced: KubeObject, present: Stored): Promise<KubeObject | undefined> => {
  const { kind, options, trusted = false } = rewrite;
  const old = present.object;
  const subresource = rewrite.strategySubresource ?? options.subresource ?? '';
  const next = ownCopy(context.schema, kind, produced, options);
  const { namespace = '', name = '' } = old.metadata;
  if (!trusted) {
    if (next.metadata.namespace && next.metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    requireSameIdentity(kind, next, old);
  }
  keepServerMetadata(next, old, trusted);
  const strategy = strategyFor(kind);
  if (!trusted) {
    strategy.setDefaults(next);
    await admit({ operation: 'update', kind, namespace, name, user: options.user, object: next }, context.reader);
    strategy.prepareForUpdate(next, old, subresource);
  }
  if (kind.generation && !trusted && !sameJson(next['spec'], old['spec'])) {
    next.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
  const recorded = recordManager(context, next, old, options);
  if (!recorded || trusted) return recorded;
  const errors = strategy.validateUpdate(recorded, old, subresource);
  if (errors.length > 0) throw invalid(kind, name, errors);
  for (const text of options.warn ? strategy.warnings(recorded, old) : []) options.warn?.(text);
  return recorded;
};

const isStaleDemand = (next: KubeObject, present: Stored): boolean => {
  const demanded = next.metadata?.resourceVersion;
  return demanded !== undefined && demanded !== '' && demanded !== '0' && demanded !== String(present.revision);
};

const attempt = async (context: WriteContext, rewrite: Rewrite, present: Stored): Promise<Stored> => {
  const { kind, options } = rewrite;
  const produced = rewrite.produce(present);
  if (!produced) return present;
  const { name } = splitKey(present.key);
  if (isStaleDemand(produced, present)) throw conflict(kind, name);
  const next = await prepare(context, rewrite, produced, present);
  if (!next) return present;
  next.metadata.resourceVersion = String(present.revision);
  if (mayVanish(next)) return options.dryRun ? unsaved(kind, next, present.revision) : context.writer.remove(kind, present.key, present.revision);
  const store = async (object: KubeObject): Promise<Stored> =>
    options.dryRun ? unsaved(kind, object, present.revision) : context.writer.update(kind, object, present.revision);
  return rewrite.trusted ? store(next) : allocated(context, kind, { object: next, before: present.object }, options, store);
};

/**
 * Changes one object: looks it up, lets `produce` make the new one, checks and stores it. A conflict is tried again on
 * a current cache, unless the client itself demanded a revision that is no longer the present one.
 *
 * @throws ApiError BadRequest, Conflict, Forbidden, Invalid, NotFound, ServiceUnavailable
 */
export const rewriteObject = async (context: WriteContext, rewrite: Rewrite): Promise<Stored> => {
  for (let attempts = 1; ; attempts += 1) {
    const present = await findPresent(context.reader, rewrite.kind, rewrite.key);
    try {
      return await attempt(context, rewrite, present);
    } catch (error) {
      const behind = isApiError(error, 'Conflict') || isApiError(error, 'NotFound');
      if (!behind || attempts >= conflictAttemptsMax) throw error;
      await context.reader.current();
      const now = context.reader.get(rewrite.kind, rewrite.key);
      if (!now) throw missing(rewrite.kind, rewrite.key);
      // The cache was not behind: the conflict is the client's.
      if (now.revision === present.revision) throw error;
    }
  }
};

/** PUT: replaces the object; with metadata.resourceVersion only the one at that revision. */
export const updateObject = (
  context: WriteContext,
  kind: Kind,
  namespace: string,
  sent: KubeObject,
  options: WriteOptions,
): Promise<Stored> => {
  const name = sent.metadata?.name;
  if (!name) {
    throw invalid(kind, '', [{ reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name is required' }]);
  }
  return rewriteObject(context, { kind, key: keyOf(namespace, name), options, produce: () => sent });
};
