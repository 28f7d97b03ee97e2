/**
 * Who may do what: `system:masters` everything; everybody known may look at what the server is; anybody may ask whether it
 * works. Roles come in a later version; this is the one place that they will change.
 */
import { ApiError } from '../../proto/errors.ts';
import { qualifiedResource } from '../../proto/kinds.ts';
import { anonymous } from './authentication.ts';
import type { ResourceTarget, Target } from './paths.ts';
import type { User } from './verbs.ts';

const isPublic = (path: string): boolean => path === '/version' || /^\/(?:healthz|livez|readyz)(?:\/|$)/.test(path);

const describesServer = (target: Target): boolean =>
  target.type === 'roots' || target.type === 'group' || target.type === 'version' ||
  (target.type === 'other' && target.path.startsWith('/openapi/'));

const resourceRefusal = (user: User, verb: string, target: ResourceTarget): ApiError => {
  const { kind, name, namespace, subresource } = target;
  const resource = subresource ? `${kind.plural}/${subresource}` : kind.plural;
  const what = `${qualifiedResource(kind)}${name ? ` "${name}"` : ''}`;
  const where = namespace ? ` in the namespace "${namespace}"` : ' at the cluster scope';
  return new ApiError(
    'Forbidden',
    `${what} is forbidden: User "${user.name}" cannot ${verb} resource "${resource}" in API group "${kind.group}"${where}`,
    { ...(name ? { name } : {}), ...(kind.group ? { group: kind.group } : {}), kind: kind.plural },
  );
};

export const mayEverything = (user: User): boolean => user.groups.includes('system:masters');

/** @throws ApiError Unauthorized */
export const requireKnown = (user: User): void => {
  if (user === anonymous) throw new ApiError('Unauthorized', 'Unauthorized');
};

/** @throws ApiError Unauthorized when nobody is known to ask, Forbidden when somebody may not */
export const authorize = (user: User, verb: string, target: Target): void => {
  if (mayEverything(user)) return;
  if (target.type === 'other' && isPublic(target.path)) return;
  requireKnown(user);
  if (describesServer(target) && verb === 'get') return;
  if (target.type === 'resource') throw resourceRefusal(user, verb, target);
  const path = target.type === 'other' ? target.path : '';
  throw new ApiError('Forbidden', `forbidden: User "${user.name}" cannot ${verb} path "${path}"`);
};
