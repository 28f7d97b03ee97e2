/** `kubectl --as`: an administrator asks as somebody else. */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '../../proto/errors.ts';
import type { User } from './verbs.ts';

/** @throws ApiError Forbidden when the user may not */
export const impersonated = (user: User, headers: IncomingHttpHeaders): User => {
  const name = headers['impersonate-user'];
  const groups = headers['impersonate-group'];
  if (name === undefined && groups === undefined) return user;
  if (typeof name !== 'string' || !user.groups.includes('system:masters')) {
    const who = typeof name === 'string' ? name : '';
    throw new ApiError('Forbidden', `users "${who}" is forbidden: User "${user.name}" cannot impersonate resource "users" in API group "" at the cluster scope`);
  }
  // Node joins repeated headers by commas.
  const listed = [groups ?? []].flat().flatMap((text) => text.split(',').map((group) => group.trim()));
  return { name, groups: [...listed, 'system:authenticated'] };
};
