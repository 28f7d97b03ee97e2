/** The three patch forms by name, and what must hold for the result of any of them. */
import { badRequest } from '../../proto/errors.ts';
import type { Kind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { applyJsonPatch } from '../../proto/resources/patch-json.ts';
import { applyMergePatch } from '../../proto/resources/patch-merge.ts';
import { applyStrategicPatch } from '../../proto/resources/patch-strategic.ts';
import type { Schema } from '../../proto/schema/schema.ts';
import { isObject } from './json-equality.ts';
import type { PatchType } from './verbs.ts';

const applied = (schema: Schema, kind: Kind, type: PatchType, object: KubeObject, patch: unknown): unknown => {
  switch (type) {
    case 'json':
      return applyJsonPatch<unknown>(object, patch);
    case 'merge':
      return applyMergePatch<unknown>(object, patch);
    case 'strategic':
      return applyStrategicPatch<unknown>(schema, kind, object, patch);
  }
};

/**
 * The patched object; `object` itself stays as it is, but the result may share parts with it.
 *
 * @throws ApiError BadRequest, Invalid
 */
export const applyPatch = (schema: Schema, kind: Kind, type: PatchType, object: KubeObject, patch: unknown): KubeObject => {
  const result = applied(schema, kind, type, object, patch);
  if (!isObject(result) || !isObject(result['metadata'])) throw badRequest('the patch leaves no object');
  if (result['apiVersion'] !== object.apiVersion || result['kind'] !== object.kind) {
    throw badRequest('a patch cannot change apiVersion or kind');
  }
  return result as KubeObject;
};
