/** The paths and operations of a kind in an OpenAPI v3 document. */
import { type Kind, verbsOf } from '../../../proto/kinds.ts';
import type { JsonRecord } from '../../../proto/schema/records.ts';

/** What an operation is to clients that look for it, e.g. for the one that tells whether a kind takes `fieldValidation`. */
type Action = 'get' | 'list' | 'post' | 'put' | 'patch' | 'delete' | 'deletecollection';

const patchTypes = ['application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json'];

const query = (name: string, type: string, description: string): JsonRecord => ({
  name,
  in: 'query',
  description,
  schema: { type, uniqueItems: true },
});

const inPath = (name: string, description: string): JsonRecord => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', uniqueItems: true },
});

const dryRun = query('dryRun', 'string', 'With the value All nothing is stored; everything else happens.');
const write = [
  dryRun,
  query('fieldManager', 'string', 'The name under which the changed fields are recorded.'),
  query('fieldValidation', 'string', 'What happens with unknown and duplicate fields: Ignore, Warn (the default) or Strict.'),
];
const select = [
  query('labelSelector', 'string', 'Only objects whose labels match.'),
  query('fieldSelector', 'string', 'Only objects whose fields match.'),
];
const list = [
  ...select,
  query('limit', 'integer', 'The number of objects in one answer; the rest follows with continue.'),
  query('continue', 'string', 'Where the answer before ended.'),
  query('resourceVersion', 'string', 'How old the answer may be, or where a watch begins.'),
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant.'),
  query('watch', 'boolean', 'Stream changes instead of answering once.'),
  query('allowWatchBookmarks', 'boolean', 'Send bookmarks into the stream.'),
  query('sendInitialEvents', 'boolean', 'Begin the stream with the present objects.'),
  query('timeoutSeconds', 'integer', 'How long the stream lasts.'),
];
const removal = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'How long the object may take to end.'),
  query('propagationPolicy', 'string', 'What becomes of dependants: Orphan, Background or Foreground.'),
];

const parameters: Readonly<Record<Action, readonly JsonRecord[]>> = {
  get: [],
  list,
  post: write,
  put: write,
  patch: [...write, query('force', 'boolean', 'Take over the fields of other managers.')],
  delete: removal,
  deletecollection: [...removal, ...select],
};

const json = (typeName: string): JsonRecord => ({ 'application/json': { schema: { $ref: `#/components/schemas/${typeName}` } } });

const patchSchema = (type: string): JsonRecord =>
  type === 'application/json-patch+json' ? { type: 'array', items: { type: 'object' } } : { type: 'object' };

const patchBody: JsonRecord = Object.fromEntries(patchTypes.map((type) => [type, { schema: patchSchema(type) }]));

/** The full type names that a kind's operations speak of. */
export interface OperationTypes {
  readonly object: string;
  readonly list: string;
  readonly deleteOptions: string;
  readonly status: string;
}

const bodyOf = (action: Action, types: OperationTypes): JsonRecord | undefined => {
  if (action === 'post' || action === 'put') return { required: true, content: json(types.object) };
  if (action === 'patch') return { required: true, content: patchBody };
  return action === 'delete' || action === 'deletecollection' ? { content: json(types.deleteOptions) } : undefined;
};

const answerOf = (action: Action, types: OperationTypes): string => {
  if (action === 'list') return types.list;
  return action === 'delete' || action === 'deletecollection' ? types.status : types.object;
};

const words: Readonly<Record<Action, string>> = {
  get: 'read',
  list: 'list',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
};

const camel = (text: string): string => text.replaceAll(/(?:^|[./-])(\w)/g, (_, letter: string) => letter.toUpperCase());

const operation = (action: Action, kind: Kind, types: OperationTypes, scope: string): JsonRecord => {
  const body = bodyOf(action, types);
  const { group, version, kind: name } = kind;
  return {
    tags: [`${(group || 'core').split('.')[0]}_${version}`],
    description: `${words[action]} ${kind.plural}`,
    operationId: `${words[action]}${camel(group.split('.')[0] || 'core')}${camel(version)}${scope}${name}`,
    ...(parameters[action].length > 0 ? { parameters: parameters[action] } : {}),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: { [action === 'post' ? '201' : '200']: { description: 'OK', content: json(answerOf(action, types)) } },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind: name },
  };
};

/** The paths of a kind: its collections and its objects, each with their operations. */
export const kindPaths = (kind: Kind, types: OperationTypes): JsonRecord => {
  const root = kind.group ? `/apis/${kind.apiVersion}` : `/api/${kind.version}`;
  const scope = kind.namespaced ? 'Namespaced' : '';
  const collection = `${root}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.plural}`;
  const namespaceParameter = kind.namespaced ? [inPath('namespace', 'The namespace of the objects.')] : [];
  const at = (action: Action, where = scope): JsonRecord => operation(action, kind, types, where);
  const paths: JsonRecord = {
    [collection]: {
      get: at('list'),
      post: at('post'),
      ...(verbsOf(kind).includes('deletecollection') ? { delete: at('deletecollection') } : {}),
      ...(kind.namespaced ? { parameters: namespaceParameter } : {}),
    },
    [`${collection}/{name}`]: {
      get: at('get'),
      put: at('put'),
      patch: at('patch'),
      delete: at('delete'),
      parameters: [inPath('name', `The name of the ${kind.kind}.`), ...namespaceParameter],
    },
  };
  if (kind.namespaced) paths[`${root}/${kind.plural}`] = { get: at('list', 'AllNamespaces') };
  return paths;
};
