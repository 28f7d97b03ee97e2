/** JSON merge patches (RFC 7386): what is an object is merged, null removes, all else replaces. */
import { badRequest } from '../errors.ts';
import { type JsonRecord, getOwn, isRecord, setOwn } from '../schema/records.ts';

/** Deeper patches are refused; no object of the API comes near it. */
const nestingMax = 200;

const merge = (target: unknown, patch: unknown, depth: number): unknown => {
  if (!isRecord(patch)) return patch;
  if (depth > nestingMax) throw badRequest(`the patch is nested deeper than ${nestingMax} levels`);
  const result: JsonRecord = isRecord(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    if (patch[key] === null) Reflect.deleteProperty(result, key);
    else setOwn(result, key, merge(getOwn(result, key), patch[key], depth + 1));
  }
  return result;
};

/** `object` with `patch` applied; neither is changed. Throws ApiError BadRequest when the patch is no object. */
export const applyMergePatch = <T>(object: T, patch: unknown): T => {
  if (!isRecord(patch)) throw badRequest('a merge patch must be a JSON object');
  return merge(object, patch, 0) as T;
};
