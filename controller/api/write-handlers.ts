/** POST, PUT, PATCH and DELETE of collections and objects, and PUT and PATCH of `status` and `finalize`. */
import { ApiError, badRequest, isApiError } from '../../proto/errors.ts';
import { type Kind, podKind } from '../../proto/kinds.ts';
import type { KubeObject } from '../../proto/resources/kubernetes.ts';
import { splitKey } from '../../proto/resources/meta.ts';
import { collectionDeletionsMax } from '../limits.ts';
import type { Stored } from '../store/stored.ts';
import { jsonAnswer } from './answer.ts';
import { type DecodedBody, mediaType } from './body.ts';
import { answer, answerWith, type Backend, type Call, renderingOf } from './call.ts';
import { isObject } from './json-equality.ts';
import { listPage } from './list.ts';
import { deleteOptionsOf, writeOptionsOf } from './request-options.ts';
import { selectionOf } from './selection.ts';
import type { Deleted, DeleteOptions, PatchType } from './verbs.ts';

/** The body as an object of the kind; what it does not say about its kind comes from the URL. @throws ApiError BadRequest */
export const objectOf = ({ value }: DecodedBody, { kind, apiVersion }: Pick<Kind, 'kind' | 'apiVersion'>): KubeObject => {
  if (!isObject(value)) throw badRequest(`the object provided is unrecognized (must be of type ${kind}): not an object`);
  const said = { kind: value['kind'] || kind, apiVersion: value['apiVersion'] || apiVersion };
  if (said.kind !== kind) throw badRequest(`the object provided is unrecognized (must be of type ${kind}): it is a ${String(said.kind)}`);
  if (said.apiVersion !== apiVersion) {
    throw badRequest(`the API version in the data (${String(said.apiVersion)}) does not match the expected API version (${apiVersion})`);
  }
  if (value['metadata'] !== undefined && value['metadata'] !== null && !isObject(value['metadata'])) {
    throw badRequest(`json: cannot unmarshal into Go struct field ${kind}.metadata of type v1.ObjectMeta`);
  }
  return { ...value, kind, apiVersion, metadata: value['metadata'] ?? {} } as KubeObject;
};

/** POST to a collection. */
export const handleCreate = async (call: Call, { api, clock }: Backend): Promise<void> => {
  const { kind, namespace = '' } = call.target;
  const rendering = renderingOf(call, clock);
  const body = await call.body();
  const options = writeOptionsOf(call, undefined, body);
  await answerWith(call, 201, rendering, await api.create(kind, namespace, objectOf(body, kind), options));
};

/** PUT of an object, its status or its finalizers. */
export const handleUpdate = async (call: Call, { api, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '', subresource } = call.target;
  const rendering = renderingOf(call, clock);
  const body = await call.body();
  const object = objectOf(body, kind);
  if (object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name ?? ''}) does not match the name on the URL (${name})`);
  }
  await answerWith(call, 200, rendering, await api.update(kind, namespace, object, writeOptionsOf(call, subresource, body)));
};

const patchTypes = new Map<string, PatchType>([
  ['application/json-patch+json', 'json'],
  ['application/merge-patch+json', 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
]);

const applyType = 'application/apply-patch+yaml';

/** @throws ApiError UnsupportedMediaType, for server-side apply too */
export const patchTypeOf = (contentType: string | undefined): PatchType => {
  const media = mediaType(contentType);
  const type = patchTypes.get(media);
  if (type) return type;
  const why = media === applyType ? 'server-side apply is not served yet' : 'the body of the request was in an unknown format';
  throw new ApiError('UnsupportedMediaType', `${why} - accepted media types include: ${[...patchTypes.keys()].join(', ')}`);
};

/** PATCH of an object or its status. */
export const handlePatch = async (call: Call, { api, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '', subresource } = call.target;
  const rendering = renderingOf(call, clock);
  const type = patchTypeOf(call.headers['content-type']);
  const body = await call.body();
  const stored = await api.patch(kind, namespace, name, type, body.value, writeOptionsOf(call, subresource, body));
  await answerWith(call, 200, rendering, stored);
};

const goneStatus = ({ kind, object }: Stored): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  details: {
    name: object.metadata.name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.plural,
    uid: object.metadata.uid,
  },
});

/** DELETE of an object: answered with the object while it lingers, and always for pods; else with a Status. */
export const handleDelete = async (call: Call, { api, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const rendering = renderingOf(call, clock);
  const { value } = await call.body();
  const { stored, gone } = await api.delete(kind, namespace, name, deleteOptionsOf(call, value));
  if (gone && kind !== podKind) await answer(call, jsonAnswer(200, goneStatus(stored)));
  else await answerWith(call, 200, rendering, stored);
};

/** Deletes the items, some at a time; one that somebody else deleted meanwhile is as good as deleted. */
const deleteAll = async (api: Backend['api'], items: readonly Stored[], options: DeleteOptions): Promise<Stored[]> => {
  const deleted: Stored[] = [];
  const queue = items.values();
  const work = async (): Promise<void> => {
    for (const { kind, key } of queue) {
      const { namespace, name } = splitKey(key);
      try {
        const result: Deleted = await api.delete(kind, namespace, name, options);
        deleted.push(result.stored);
      } catch (error) {
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(collectionDeletionsMax, items.length) }, work));
  return deleted;
};

/** DELETE of a collection, or of what selectors find in it. */
export const handleDeleteCollection = async (call: Call, { api, reader, clock }: Backend): Promise<void> => {
  const { kind, namespace } = call.target;
  const rendering = renderingOf(call, clock);
  const { value } = await call.body();
  const page = await listPage(reader, selectionOf(kind, namespace, call.query), call.query);
  const items = await deleteAll(api, page.items, deleteOptionsOf(call, value));
  await answer(call, { status: 200, body: rendering.list({ ...page, items, revision: reader.revision }) });
};
