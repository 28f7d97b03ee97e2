/** JSON patches (RFC 6902): a list of operations of which all succeed or none. */
import jsonPatch from 'fast-json-patch';
import { ApiError, badRequest } from '../errors.ts';
import { isDeeperThan, isRecord } from '../schema/records.ts';

const { JsonPatchError, applyOperation, getValueByPointer } = jsonPatch;

/** As a Kubernetes API server allows. */
const operationsMax = 10_000;
/** The characters that all copies together may add: copying the document into itself doubles it each time. */
const copiedCharactersMax = 3 * 1024 * 1024;
/** Operations can stack what no body could nest; no object of the API comes near it. */
const nestingMax = 200;

const needsValue: ReadonlySet<string> = new Set(['add', 'replace', 'test']);
const needsFrom: ReadonlySet<string> = new Set(['move', 'copy']);

type Operation = Parameters<typeof applyOperation>[1];

const isPointer = (value: unknown): boolean => typeof value === 'string' && (value === '' || value.startsWith('/'));

/** The library refuses these paths too, in words for programmers. */
const leadsToPrototype = (pointer: unknown): boolean => /\/(?:__proto__|constructor\/prototype)(?:\/|$)/.test(String(pointer));

const checkOperation = (value: unknown, index: number): Operation => {
  const wrong = (why: string): Error => badRequest(`operation ${index} of the JSON patch ${why}`);
  if (!isRecord(value)) throw wrong('is not an object');
  const { op, path, from } = value;
  if (typeof op !== 'string' || !(needsValue.has(op) || needsFrom.has(op) || op === 'remove')) throw wrong('has an unknown op');
  if (!isPointer(path)) throw wrong('has a path that is not a JSON pointer');
  if (needsFrom.has(op) && !isPointer(from)) throw wrong('has a from that is not a JSON pointer');
  if (leadsToPrototype(path) || (needsFrom.has(op) && leadsToPrototype(from))) throw new ApiError('Invalid', `operation ${index} of the JSON patch leads to a prototype`);
  if (needsValue.has(op) && value['value'] === undefined) throw wrong('has no value');
  return value as unknown as Operation;
};

const tooLarge = (why: string): ApiError => new ApiError('RequestEntityTooLarge', why);

const apply = (object: unknown, operations: readonly Operation[]): unknown => {
  let document: unknown = structuredClone(object);
  let copiedCharacters = 0;
  for (const [index, operation] of operations.entries()) {
    if (operation.op === 'copy') {
      copiedCharacters += JSON.stringify(getValueByPointer(document, operation.from) ?? null).length;
      if (copiedCharacters > copiedCharactersMax) throw tooLarge(`the copies of a JSON patch may have ${copiedCharactersMax} characters`);
    }
    document = applyOperation(document, operation, true, true, true, index).newDocument;
  }
  return document;
};

/** The library's message goes on with a dump of the document, which may hold secrets: only its first line is told. */
const reasonOf = (error: Error): string => error.message.split('\n', 1)[0] ?? '';

/**
 * `object` with all operations applied; neither is changed. Throws ApiError: BadRequest when the patch is
 * malformed, Invalid when an operation fails (a test that does not hold, a path that is not there),
 * RequestEntityTooLarge for more than 10,000 operations or for copies that grow beyond 3 MiB.
 */
export const applyJsonPatch = <T>(object: T, patch: unknown): T => {
  if (!Array.isArray(patch)) throw badRequest('a JSON patch must be a list of operations');
  if (patch.length > operationsMax) throw tooLarge(`a JSON patch may have ${operationsMax} operations, this one has ${patch.length}`);
  // A copy of the operations: the library hands their values on, and later operations would change them in place.
  const operations = structuredClone(patch.map(checkOperation));
  let result: unknown;
  try {
    result = apply(object, operations);
  } catch (error) {
    if (error instanceof JsonPatchError || error instanceof TypeError) {
      const at = error instanceof JsonPatchError && error.index !== undefined ? `operation ${error.index}: ` : '';
      throw new ApiError('Invalid', `the JSON patch cannot be applied: ${at}${reasonOf(error)}`, undefined, { cause: error });
    }
    throw error;
  }
  if (isDeeperThan(result, nestingMax)) throw badRequest(`the patch nests deeper than ${nestingMax} levels`);
  return result as T;
};
