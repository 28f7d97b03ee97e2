/** What holds for the metadata of every kind. */
import type { FieldError } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import {
  broken, child, forbiddenField, immutable, index, invalidValue, notNegative, type Path, required, tooLong,
} from './field-error.ts';
import type { KubeObject, ObjectMeta, OwnerReference } from './kubernetes.ts';
import { asPrefix, labelName, labelValue, type NameRule, qualifiedName } from './names.ts';

export const annotationsBytesMax = 256 * 1024;

const standardFinalizers: ReadonlySet<string> = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

type StringMap = Readonly<Record<string, string | null>>;

export const validateLabels = (labels: StringMap | null | undefined, path: Path): FieldError[] =>
  Object.entries(labels ?? {}).flatMap(([name, value]) => [
    ...broken(path, name, qualifiedName),
    ...broken(path, value, labelValue),
  ]);

export const validateAnnotations = (annotations: StringMap | null | undefined, path: Path): FieldError[] => {
  const entries = Object.entries(annotations ?? {});
  // Annotation names may have upper case in their prefix, unlike labels.
  const errors = entries.flatMap(([name]) => qualifiedName(name.toLowerCase()).map((message) => invalidValue(path, name, message)));
  const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value ?? ''), 0);
  return bytes > annotationsBytesMax ? [...errors, tooLong(path, annotationsBytesMax)] : errors;
};

export const validateFinalizer = (finalizer: string, path: Path): FieldError[] => {
  const errors = broken(path, finalizer, qualifiedName);
  if (errors.length > 0 || finalizer.includes('/') || standardFinalizers.has(finalizer)) return errors;
  return [invalidValue(path, finalizer, 'name is neither a standard finalizer name nor is it fully qualified')];
};

const validateFinalizers = (finalizers: readonly string[], path: Path): FieldError[] => {
  const errors = finalizers.flatMap((finalizer, at) => validateFinalizer(finalizer, index(path, at)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalidValue(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  }
  return errors;
};

const validateOwners = (owners: readonly OwnerReference[], path: Path): FieldError[] => {
  const errors = owners.flatMap((owner, at) => {
    const fields = ['apiVersion', 'kind', 'name', 'uid'] as const;
    const missing = fields
      .filter((field) => !owner[field])
      .map((field) => invalidValue(child(index(path, at), field), owner[field] ?? '', 'must not be empty'));
    if (owner.kind === 'Event' && (owner.apiVersion === 'v1' || owner.apiVersion === 'events.k8s.io/v1')) {
      missing.push(invalidValue(index(path, at), owner, `${owner.apiVersion}, Kind=Event is disallowed from being an owner`));
    }
    return missing;
  });
  const controllers = owners.filter(({ controller }) => controller === true);
  if (controllers.length > 1) {
    const names = controllers.map(({ name }) => name).join(' and ');
    errors.push(invalidValue(path, owners, `Only one reference can have Controller set to true. Found "true" in references for ${names}`));
  }
  return errors;
};

const validateName = (metadata: ObjectMeta, rule: NameRule): FieldError[] => {
  const errors = metadata.generateName ? broken('metadata.generateName', metadata.generateName, asPrefix(rule)) : [];
  if (!metadata.name) return [...errors, required('metadata.name', 'name or generateName is required')];
  return [...errors, ...broken('metadata.name', metadata.name, rule)];
};

const validateNamespace = (metadata: ObjectMeta, kind: Kind): FieldError[] => {
  const path = 'metadata.namespace';
  if (!kind.namespaced) return metadata.namespace ? [forbiddenField(path, 'not allowed on this type')] : [];
  return metadata.namespace ? broken(path, metadata.namespace, labelName) : [required(path)];
};

export const validateMetadata = (object: KubeObject, kind: Kind, rule: NameRule): FieldError[] => {
  const { metadata } = object;
  return [
    ...validateName(metadata, rule),
    ...validateNamespace(metadata, kind),
    ...notNegative('metadata.generation', metadata.generation),
    ...validateLabels(metadata.labels, 'metadata.labels'),
    ...validateAnnotations(metadata.annotations, 'metadata.annotations'),
    ...validateOwners(metadata.ownerReferences ?? [], 'metadata.ownerReferences'),
    ...validateFinalizers(metadata.finalizers ?? [], 'metadata.finalizers'),
  ];
};

const serverFields = ['name', 'namespace', 'uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;

export const validateMetadataUpdate = (object: KubeObject, old: KubeObject): FieldError[] => {
  const errors = serverFields.flatMap((field) => immutable(`metadata.${field}`, object.metadata[field], old.metadata[field]));
  if ((object.metadata.generation ?? 0) < (old.metadata.generation ?? 0)) {
    errors.push(invalidValue('metadata.generation', object.metadata.generation ?? 0, 'must not be decremented'));
  }
  if (old.metadata.deletionTimestamp) {
    const added = (object.metadata.finalizers ?? []).filter((finalizer) => !old.metadata.finalizers?.includes(finalizer));
    if (added.length > 0) {
      const names = JSON.stringify(added);
      errors.push(forbiddenField('metadata.finalizers', `no new finalizers can be added if the object is being deleted, found new finalizers ${names}`));
    }
  }
  return errors;
};

/** Fields that the server owns come back when a client leaves them out; a client that changes them gets an error instead. */
export const keepServerFields = (object: KubeObject, old: KubeObject): void => {
  const metadata = object.metadata as Record<string, unknown>;
  for (const field of [...serverFields, 'generation'] as const) {
    if (metadata[field] === undefined || metadata[field] === null || metadata[field] === '') {
      if (old.metadata[field] === undefined) delete metadata[field];
      else metadata[field] = old.metadata[field];
    }
  }
};
