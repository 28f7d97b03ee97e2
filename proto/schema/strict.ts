/**
 * Turns a decoded body into an object of its kind, as a Kubernetes API server does: wrong types are always
 * refused; unknown and duplicate fields are refused (Strict), warned about (Warn) or dropped in silence (Ignore).
 * Missing fields are not its business: defaults come first, then validation.
 */
import { badRequest } from '../errors.ts';
import type { Kind } from '../kinds.ts';
import type { SchemaProblem } from './check.ts';
import type { JsonRecord } from './records.ts';
import type { Schema } from './schema.ts';
import { tidyType } from './tidy.ts';
import { typeNameOf } from './type-names.ts';

/** `fieldValidation` of a request. */
export type Strictness = 'Strict' | 'Warn' | 'Ignore';

export interface StrictOptions {
  readonly fieldValidation: Strictness;
  /** Paths that the body gave twice; see controller/api/body.ts. */
  readonly duplicates?: readonly string[];
  /** Receives what goes into Warning headers. */
  readonly warn?: (text: string) => void;
}

const cannotBeHandled = ({ kind, version }: Pick<Kind, 'kind' | 'version'>, why: string): Error =>
  badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);

/** `spec.containers[0].image` as Go's JSON decoder writes it: without indexes. */
const goPath = (path: string): string => path.replaceAll(/\[\d+\]/g, '');

/** In Go's words, which scripts know. */
export const wrongTypeText = (problem: SchemaProblem & { problem: 'wrong' }): string =>
  problem.path === ''
    ? `json: cannot unmarshal ${problem.got} into Go value of type ${problem.expected}`
    : `json: cannot unmarshal ${problem.got} into Go struct field ${problem.type}.${goPath(problem.path)} of type ${problem.expected}`;

/** The sentence that Kubernetes has for an unknown field; the suggestion is the CLI's to add. */
export const unknownFieldText = (path: string): string => `unknown field "${path}"`;
export const duplicateFieldText = (path: string): string => `duplicate field "${path}"`;

/**
 * `object` checked against the type of `kind` and tidied (see tidy.ts); `object` itself stays as it is. A kind
 * without a schema is handed back unchanged. Throws ApiError BadRequest.
 */
export const decodeObject = <T>(
  schema: Schema,
  kind: Pick<Kind, 'group' | 'version' | 'kind'>,
  object: T,
  { fieldValidation, duplicates = [], warn }: StrictOptions,
): T => {
  const type = schema.type(typeNameOf(kind));
  if (type === undefined) return object;
  const problems = schema.check(kind, object);
  const wrong = problems.find((problem) => problem.problem === 'wrong');
  if (wrong !== undefined) throw cannotBeHandled(kind, wrongTypeText(wrong));
  const texts = [
    ...problems.filter(({ problem }) => problem === 'unknown').map(({ path }) => unknownFieldText(path)),
    ...new Set(duplicates.map(duplicateFieldText)),
  ];
  if (texts.length > 0 && fieldValidation === 'Strict') throw cannotBeHandled(kind, `strict decoding error: ${texts.join(', ')}`);
  if (fieldValidation === 'Warn') for (const text of texts) warn?.(text);
  return tidyType(schema, type, object as JsonRecord) as T;
};
