/** Where objects are kept: `/berth/objects/<group or core>/<plural>/[<namespace>/]<name>`. */
import type { Kind } from '../../proto/kinds.ts';

/** Everything that Berth writes to etcd is below this; the cache watches all of it, so that it sees every revision. */
export const rootPrefix = '/berth/';
export const objectsPrefix = '/berth/objects/';
/** What objects have to themselves: `/berth/claims/<what>/<value>`, written and removed with its object. */
export const claimsPrefix = '/berth/claims/';
/** Written to move the watch on when somebody else's writes have moved etcd's revision. */
export const tickKey = '/berth/tick';
/** Which history of etcd this is, and what is added to its revisions (epoch.ts). */
export const epochKey = '/berth/epoch';

const kindPath = (kind: Kind): string => `${kind.group || 'core'}/${kind.plural}`;

/** `key` is `namespace/name` or `name`. */
export const storageKey = (kind: Kind, key: string): string => `${objectsPrefix}${kindPath(kind)}/${key}`;

/** The way back. Undefined for keys of kinds that are not in the table and for all other keys. */
export type KeyParser = (storageKey: string) => { readonly kind: Kind; readonly key: string } | undefined;

export const createKeyParser = (kinds: readonly Kind[]): KeyParser => {
  const byPath = new Map(kinds.map((kind) => [kindPath(kind), kind]));
  return (text) => {
    if (!text.startsWith(objectsPrefix)) return undefined;
    const groupEnd = text.indexOf('/', objectsPrefix.length);
    const pluralEnd = text.indexOf('/', groupEnd + 1);
    if (groupEnd < 0 || pluralEnd < 0) return undefined;
    const kind = byPath.get(text.slice(objectsPrefix.length, pluralEnd));
    return kind && { kind, key: text.slice(pluralEnd + 1) };
  };
};
