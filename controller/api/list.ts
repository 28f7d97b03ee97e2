/**
 * The verb list: from the cache, current unless the client allows otherwise, in pages when it asks.
 *
 * A page after the first goes on behind the last key of the page before, among the objects as they are now, and carries the
 * revision of the first page. Whoever watches from that revision then sees every change since, so the pages and the watch
 * together are consistent; once that watch would no longer be possible, the token is answered with 410.
 */
import { ApiError, badRequest, expired, isApiError } from '../../proto/errors.ts';
import type { Reader } from '../store/reader.ts';
import type { Stored } from '../store/stored.ts';
import { choiceParameter, countParameter, type Query, revisionParameter, textParameter } from './query.ts';
import { select, type Selection } from './selection.ts';

export interface Page {
  readonly items: readonly Stored[];
  readonly revision: number;
  readonly continueToken: string | undefined;
  readonly remainingItemCount: number | undefined;
}

interface Position {
  readonly revision: number;
  /** The last key that was given. */
  readonly after: string;
}

const encodePosition = ({ revision, after }: Position): string =>
  Buffer.from(JSON.stringify({ v: 1, rv: revision, after })).toString('base64url');

const decodePosition = (token: string): Position => {
  try {
    const value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as { v?: unknown; rv?: unknown; after?: unknown } | null;
    if (value?.v === 1 && Number.isSafeInteger(value.rv) && typeof value.after === 'string') {
      return { revision: value.rv as number, after: value.after };
    }
  } catch {
    // Not JSON: the same answer as for any other text that is no token.
  }
  throw badRequest('continue key is not valid');
};

const tooLarge = (revision: number, present: number): ApiError =>
  new ApiError('Timeout', `Too large resource version: ${revision}, current: ${present}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });

/**
 * Resolves when the cache has seen `revision`.
 *
 * @throws ApiError Timeout in Kubernetes' words when that takes too long
 */
export const awaitRevision = async (reader: Reader, revision: number): Promise<void> => {
  if (revision <= reader.revision) return;
  try {
    await reader.reached(revision);
  } catch (error) {
    throw isApiError(error, 'Timeout') ? tooLarge(revision, reader.revision) : error;
  }
};

/**
 * Whether what the selection is taken from is as it was at `revision`. Throws Expired when the history no longer reaches
 * back so far.
 */
const isUnchangedSince = async (reader: Reader, { kind, namespace }: Selection, revision: number): Promise<boolean> => {
  const watcher = reader.watch(kind, revision, namespace);
  const first = watcher.changes()[Symbol.asyncIterator]().next();
  watcher.close();
  return (await first).done === true;
};

/** Brings the cache to where the query wants to read; resolves to the revision that the answer must be of, if there is one. */
const reachDemanded = async (reader: Reader, selection: Selection, query: Query): Promise<number | undefined> => {
  if (query.has('sendInitialEvents')) throw badRequest('sendInitialEvents is forbidden for list');
  const revision = revisionParameter(query);
  const match = choiceParameter(query, 'resourceVersionMatch', ['Exact', 'NotOlderThan']);
  if (match && revision === undefined) throw badRequest('resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (match === 'Exact' && revision === 0) throw badRequest('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  if (revision === undefined) await reader.current();
  else await awaitRevision(reader, revision);
  if (revision === undefined || match !== 'Exact') return undefined;
  if (!(await isUnchangedSince(reader, selection, revision))) throw expired();
  return revision;
};

const resume = async (reader: Reader, selection: Selection, query: Query, token: string): Promise<Position> => {
  if (revisionParameter(query)) throw badRequest('specifying resource version is not allowed when using continue');
  const position = decodePosition(token);
  if (position.revision > reader.revision) throw expired();
  // Throws when a watch from the first page's revision is no longer possible.
  await isUnchangedSince(reader, selection, position.revision);
  return position;
};

/** The index of the first item behind `key`; items are in key order. */
const indexAfter = (items: readonly Stored[], key: string): number => {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((items[middle]?.key ?? '') > key) high = middle;
    else low = middle + 1;
  }
  return low;
};

/**
 * One page, or everything.
 *
 * @throws ApiError BadRequest, Expired, ServiceUnavailable, Timeout
 */
export const listPage = async (reader: Reader, selection: Selection, query: Query): Promise<Page> => {
  const limit = countParameter(query, 'limit') || undefined;
  const token = textParameter(query, 'continue');
  const position = token === undefined ? undefined : await resume(reader, selection, query, token);
  const demanded = position?.revision ?? (await reachDemanded(reader, selection, query));
  // From here on without an await: these objects are of this revision.
  const revision = demanded ?? reader.revision;
  const found = select(reader, selection);
  const start = position ? indexAfter(found, position.after) : 0;
  const items = start === 0 && (limit === undefined || found.length <= limit) ? found : found.slice(start, start + (limit ?? found.length));
  const remaining = found.length - start - items.length;
  const last = items.at(-1);
  if (remaining <= 0 || !last) return { items, revision, continueToken: undefined, remainingItemCount: undefined };
  return {
    items,
    revision,
    continueToken: encodePosition({ revision, after: last.key }),
    // With a selector the count would need a look at everything that follows; Kubernetes leaves it out too.
    remainingItemCount: selection.everything ? remaining : undefined,
  };
};
