/** The writer's own copy of what it was sent, its fields checked when it came from outside. */
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import type { Schema } from '../../proto/schema/schema.ts';
import { decodeObject } from '../../proto/schema/strict.ts';
import type { WriteOptions } from './verbs.ts';

/**
 * A copy that may be changed. Objects of clients (those with fieldValidation) are checked against the schema and rid of
 * unknown fields; Berth's own are checked by the compiler.
 *
 * @throws ApiError BadRequest
 */
export const ownCopy = (schema: Schema, kind: Kind, sent: KubeObject, options: WriteOptions): KubeObject => {
  const copy = structuredClone(sent);
  const { fieldValidation, duplicates, warn } = options;
  const object = fieldValidation
    ? decodeObject(schema, kind, copy, { fieldValidation, ...(duplicates ? { duplicates } : {}), ...(warn ? { warn } : {}) })
    : copy;
  object.metadata ??= {};
  return object;
};
