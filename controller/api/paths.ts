/** What a URL names. Pure: from the raw path, which no normalization has touched, to a target. */
import { badRequest } from '../../proto/errors.ts';
import { type Kind, kindAtPath, namespaceKind, servedKinds } from '../../proto/kinds.ts';

/** A collection (no name), an object, or a subresource of an object. */
export interface ResourceTarget {
  readonly type: 'resource';
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

export type Target =
  | ResourceTarget
  /** `/api`, `/apis` */
  | { readonly type: 'roots'; readonly root: 'api' | 'apis' }
  /** `/apis/apps` */
  | { readonly type: 'group'; readonly group: string }
  /** `/api/v1`, `/apis/apps/v1` */
  | { readonly type: 'version'; readonly groupVersion: string }
  /** Everything else that the server may know by its path. */
  | { readonly type: 'other'; readonly path: string };

/** The definitions of kinds that users add: not served as a kind, but that there are none is an answer. */
export const customKindsPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

const decodeSegment = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest('the URL is not well formed');
  }
};

/** Names that would mean something else in a path are no names. */
const isName = (text: string): boolean => text !== '' && text !== '.' && text !== '..' && !/[/%\0]/.test(text);

const resource = (kind: Kind, namespace: string | undefined, rest: readonly string[]): ResourceTarget | undefined => {
  const [name, subresource, ...more] = rest;
  if (more.length > 0) return undefined;
  if (subresource !== undefined && !kind.subresources.includes(subresource)) return undefined;
  // Objects of namespaces are only below their namespace.
  if (name !== undefined && kind.namespaced && namespace === undefined) return undefined;
  return { type: 'resource', kind, namespace, name, subresource };
};

const resourceIn = (groupVersion: string, segments: readonly string[]): ResourceTarget | undefined => {
  const [first = '', second, third, ...rest] = segments;
  if (first === 'namespaces' && second !== undefined && third !== undefined) {
    const kind = kindAtPath(groupVersion, third);
    if (kind?.namespaced) return resource(kind, second, rest);
    return groupVersion === namespaceKind.apiVersion ? resource(namespaceKind, undefined, segments.slice(1)) : undefined;
  }
  const kind = kindAtPath(groupVersion, first);
  return kind && resource(kind, undefined, segments.slice(1));
};

const isServed = (groupVersion: string): boolean => servedKinds.some(({ apiVersion }) => apiVersion === groupVersion);

const below = (groupVersion: string, segments: readonly string[]): Target | undefined => {
  if (segments.length === 0) return isServed(groupVersion) ? { type: 'version', groupVersion } : undefined;
  return segments.every(isName) ? resourceIn(groupVersion, segments) : undefined;
};

/**
 * The target of a path; undefined when it names nothing that the API serves.
 *
 * @throws ApiError BadRequest when the path is malformed
 */
export const targetOf = (rawPath: string): Target | undefined => {
  if (!rawPath.startsWith('/')) throw badRequest('the URL is not well formed');
  if (rawPath === customKindsPath) return { type: 'other', path: rawPath };
  const [root = '', ...segments] = rawPath.replace(/\/$/, '').slice(1).split('/').map(decodeSegment);
  if (root === 'api') {
    const [version, ...rest] = segments;
    return version === undefined ? { type: 'roots', root } : below(version, rest);
  }
  if (root === 'apis') {
    const [group, version, ...rest] = segments;
    if (group === undefined) return { type: 'roots', root };
    if (version !== undefined) return below(`${group}/${version}`, rest);
    return servedKinds.some((kind) => kind.group === group && group !== '') ? { type: 'group', group } : undefined;
  }
  return { type: 'other', path: rawPath };
};
