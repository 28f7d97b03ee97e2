/** The verb create: from what a client sent to what is stored. */
import { alreadyExists, ApiError, badRequest, invalid, isApiError } from '../../proto/errors.ts';
import { eventKind, type Kind } from '../../proto/kinds.ts';
import { timestamp } from '../../proto/process/clock.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { strategyFor } from '../../proto/resources/strategies.ts';
import { admit } from '../admission/chain.ts';
import { eventTtlSeconds, generatedNameAttemptsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { allocated } from './allocation.ts';
import { ownCopy } from './field-check.ts';
import { entriesToStartFrom, managedFieldsAfter } from './managed-fields.ts';
import type { WriteOptions } from './verbs.ts';
import { keyOf, unsaved, type WriteContext } from './write-context.ts';

/** Names are cut so that the suffix still fits (as apimachinery's name generator). */
const generatedPrefixMax = 58;
const suffixLength = 5;

const takeNamespace = (kind: Kind, namespace: string, object: KubeObject): void => {
  if (!kind.namespaced) {
    delete object.metadata.namespace;
    return;
  }
  if (object.metadata.namespace && object.metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  object.metadata.namespace = namespace;
};

/** Gives the object the metadata that only the server may give. */
const stampMetadata = (context: WriteContext, kind: Kind, object: KubeObject): void => {
  const { metadata } = object;
  if (metadata.resourceVersion && metadata.resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.generation;
  delete metadata.managedFields;
  metadata.uid = context.random.uuid();
  metadata.creationTimestamp = timestamp(context.clock.nowMs()) as unknown as typeof metadata.creationTimestamp;
  if (kind.generation) metadata.generation = 1;
};

const prepare = async (
  context: WriteContext,
  kind: Kind,
  namespace: string,
  sent: KubeObject,
  options: WriteOptions,
): Promise<KubeObject> => {
  const object = ownCopy(context.schema, kind, sent, options);
  takeNamespace(kind, namespace, object);
  const strategy = strategyFor(kind);
  const name = object.metadata.name ?? object.metadata.generateName ?? '';
  await admit({ operation: 'create', kind, namespace, name, user: options.user, object }, context.reader);
  strategy.setDefaults(object);
  strategy.prepareForCreate(object);
  stampMetadata(context, kind, object);
  return object;
};

const finish = (context: WriteContext, kind: Kind, object: KubeObject, options: WriteOptions): void => {
  const strategy = strategyFor(kind);
  const errors = strategy.validateCreate(object);
  if (errors.length > 0) throw invalid(kind, object.metadata.name ?? '', errors);
  for (const text of options.warn ? strategy.warnings(object) : []) options.warn?.(text);
  const entries = managedFieldsAfter(
    undefined,
    object,
    entriesToStartFrom(undefined, object),
    { name: options.fieldManager, subresource: options.subresource },
    timestamp(context.clock.nowMs()),
  );
  if (entries.length > 0) object.metadata.managedFields = entries;
};

const store = async (context: WriteContext, kind: Kind, object: KubeObject, options: WriteOptions): Promise<Stored> => {
  if (!options.dryRun) return context.writer.create(kind, object, kind === eventKind ? { ttlSeconds: eventTtlSeconds } : {});
  const { namespace = '', name = '' } = object.metadata;
  await context.reader.current();
  if (context.reader.get(kind, keyOf(namespace, name))) throw alreadyExists(kind, name);
  return unsaved(kind, object, 0);
};

/**
 * Creates the object. With generateName and no name it gets a name of its own, tried anew when taken.
 *
 * @throws ApiError AlreadyExists, BadRequest, Forbidden, Invalid, NotFound (its namespace), ServiceUnavailable
 */
export const createObject = async (
  context: WriteContext,
  kind: Kind,
  namespace: string,
  sent: KubeObject,
  options: WriteOptions,
): Promise<Stored> => {
  const object = await prepare(context, kind, namespace, sent, options);
  const { metadata } = object;
  const prefix = metadata.name ? undefined : metadata.generateName;
  if (!metadata.name && !prefix) {
    throw invalid(kind, '', [{ reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' }]);
  }
  for (let attempt = 1; ; attempt += 1) {
    if (prefix) metadata.name = prefix.slice(0, generatedPrefixMax) + context.random.suffix(suffixLength);
    if (attempt === 1) finish(context, kind, object, options);
    try {
      return await allocated(context, kind, { object, before: undefined }, options, (completed) => store(context, kind, completed, options));
    } catch (error) {
      if (!prefix || !isApiError(error, 'AlreadyExists')) throw error;
      if (attempt >= generatedNameAttemptsMax) {
        throw new ApiError('AlreadyExists', `${error.message}, the server was not able to generate a unique name for the object`, error.details);
      }
    }
  }
};
