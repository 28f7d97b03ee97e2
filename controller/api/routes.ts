/** Which handler answers which verb on which target; the one table of what the REST interface does. */
import { ApiError } from '../../proto/errors.ts';
import { isMeasured, verbsOf } from '../../proto/kinds.ts';
import type { Backend, Call } from './call.ts';
import type { RequestClass } from './inflight.ts';
import type { ResourceTarget } from './paths.ts';
import { handleAttach, handleExec } from './pod-exec.ts';
import { handleLog } from './pod-log.ts';
import { handlePortForward } from './pod-port-forward.ts';
import { flagParameter, type Query } from './query.ts';
import { handleGet, handleList, handleWatch } from './read-handlers.ts';
import { handleBinding, handleEviction, handleGetScale, handlePatchScale, handleReplaceScale } from './subresource-handlers.ts';
import { handleUsage } from './usage-metrics.ts';
import { handleCreate, handleDelete, handleDeleteCollection, handlePatch, handleUpdate } from './write-handlers.ts';

export interface Route {
  /** In Kubernetes' words; what authorization and metrics go by. */
  readonly verb: string;
  readonly requests: RequestClass;
  readonly handle: (call: Call, backend: Backend) => Promise<void>;
}

type Methods = Readonly<Record<string, Route>>;

const get = (handle: Route['handle'], verb = 'get'): Route => ({ verb, requests: 'read', handle });
const write = (verb: string, handle: Route['handle']): Route => ({ verb, requests: 'write', handle });

const watch: Route = { verb: 'watch', requests: 'long', handle: handleWatch };
const followedLog: Route = { verb: 'get', requests: 'long', handle: handleLog };

const collection: Methods = {
  GET: get(handleList, 'list'),
  POST: write('create', handleCreate),
  DELETE: write('deletecollection', handleDeleteCollection),
};

const object: Methods = {
  GET: get(handleGet),
  PUT: write('update', handleUpdate),
  PATCH: write('patch', handlePatch),
  DELETE: write('delete', handleDelete),
};

const conversation = (handle: Route['handle']): Methods => ({ GET: { verb: 'get', requests: 'long', handle }, POST: { verb: 'create', requests: 'long', handle } });

const subresources: Readonly<Record<string, Methods>> = {
  status: { GET: get(handleGet), PUT: write('update', handleUpdate), PATCH: write('patch', handlePatch) },
  finalize: { PUT: write('update', handleUpdate) },
  scale: { GET: get(handleGetScale), PUT: write('update', handleReplaceScale), PATCH: write('patch', handlePatchScale) },
  binding: { POST: write('create', handleBinding) },
  eviction: { POST: write('create', handleEviction) },
  log: { GET: get(handleLog) },
  exec: conversation(handleExec),
  attach: conversation(handleAttach),
  portforward: conversation(handlePortForward),
};

const measured: { readonly one: Methods; readonly all: Methods } = { one: { GET: get(handleUsage) }, all: { GET: get(handleUsage, 'list') } };

const methodsOf = (target: ResourceTarget): Methods => {
  if (isMeasured(target.kind)) return target.name === undefined ? measured.all : measured.one;
  if (target.subresource !== undefined) return subresources[target.subresource] ?? {};
  if (target.name !== undefined) return object;
  return collection;
};

export const methodNotAllowed = (): ApiError =>
  new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** @throws ApiError MethodNotAllowed, BadRequest */
export const routeOf = (method: string, target: ResourceTarget, query: Query): Route => {
  const methods = methodsOf(target);
  const name = method === 'HEAD' ? 'GET' : method;
  const route = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (!route) throw methodNotAllowed();
  const isWrite = route === collection['POST'] || route === collection['DELETE'];
  // Across namespaces one can only look.
  if (isWrite && target.kind.namespaced && target.namespace === undefined) throw methodNotAllowed();
  if (route === collection['DELETE'] && !verbsOf(target.kind).includes('deletecollection')) throw methodNotAllowed();
  if (route === measured.all['GET'] && flagParameter(query, 'watch')) throw methodNotAllowed();
  if (route === collection['GET'] && flagParameter(query, 'watch')) return watch;
  if (route.handle === handleLog && flagParameter(query, 'follow')) return followedLog;
  return route;
};
