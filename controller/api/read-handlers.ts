/** GET of collections and objects: list, watch and get. */
import { badRequest } from '../../proto/errors.ts';
import { watchLifetimeMinMs } from '../limits.ts';
import { answer, answerWith, type Backend, type Call, renderingOf } from './call.ts';
import { awaitRevision, listPage } from './list.ts';
import { choiceParameter, countParameter, flagParameter, type Query, revisionParameter } from './query.ts';
import { selectionOf } from './selection.ts';
import { WatchStream } from './watch-stream.ts';
import { findPresent, keyOf, missing } from './write-context.ts';

/** GET of a collection. */
export const handleList = async (call: Call, { reader, clock }: Backend): Promise<void> => {
  const { kind, namespace } = call.target;
  const rendering = renderingOf(call, clock);
  const page = await listPage(reader, selectionOf(kind, namespace, call.query), call.query);
  await answer(call, { status: 200, body: rendering.list(page) });
};

/** GET of an object. */
export const handleGet = async (call: Call, { reader, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const rendering = renderingOf(call, clock);
  const revision = revisionParameter(call.query);
  if (revision === undefined) await reader.current();
  else await awaitRevision(reader, revision);
  const key = keyOf(namespace, name);
  const present = revision === 0 ? await findPresent(reader, kind, key) : reader.get(kind, key);
  if (!present) throw missing(kind, key);
  await answerWith(call, 200, rendering, present);
};

interface Beginning {
  /** Undefined: with the objects that there are. */
  readonly revision: number | undefined;
  readonly marksInitialEnd: boolean;
}

/** Where a watch begins, with the cache brought there. */
const beginningOf = async ({ reader }: Backend, query: Query): Promise<Beginning> => {
  const revision = revisionParameter(query);
  const match = choiceParameter(query, 'resourceVersionMatch', ['NotOlderThan']);
  const initial = query.has('sendInitialEvents') ? flagParameter(query, 'sendInitialEvents') : undefined;
  if (initial !== undefined && !match) throw badRequest('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (initial === undefined && match) throw badRequest('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  if (revision === undefined) await reader.current();
  else await awaitRevision(reader, revision);
  if (initial === true) return { revision: undefined, marksInitialEnd: flagParameter(query, 'allowWatchBookmarks') };
  if (initial === false && !revision) return { revision: reader.revision, marksInitialEnd: false };
  return { revision: revision || undefined, marksInitialEnd: false };
};

/** GET of a collection with `watch=true`. */
export const handleWatch = async (call: Call, backend: Backend): Promise<void> => {
  const { reader, clock, random } = backend;
  const { query, target } = call;
  const rendering = renderingOf(call, clock);
  const selection = selectionOf(target.kind, target.namespace, query);
  const timeoutSeconds = countParameter(query, 'timeoutSeconds');
  const beginning = await beginningOf(backend, query);
  const options = {
    selection,
    rendering,
    ...beginning,
    bookmarks: flagParameter(query, 'allowWatchBookmarks'),
    // Spread, so that clients that came together do not come back together.
    lifetimeMs: timeoutSeconds ? timeoutSeconds * 1000 : watchLifetimeMinMs * (1 + random.next()),
  };
  const stream = new WatchStream(reader, clock, options, call.response);
  const leave = call.onServerClose(() => stream.close());
  try {
    await stream.run();
  } finally {
    leave();
  }
};
