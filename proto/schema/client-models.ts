/**
 * Reads the classes of the installed client package: fields and types from their attribute maps, required fields
 * and documentation from their declarations. A class belongs to the package that reaches it first, asked in the
 * order meta, core, everything else: the class names alone (`V1Container`) do not say it.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isQuantity } from './quantities.ts';
import type { Descriptions, Shape, Structures, TypeDescriptions, TypeStructure } from './shape.ts';
import { fullName, shortName } from './type-names.ts';

/** A class to start from, and the package (`core.v1`) of what only it reaches. */
export interface Root {
  readonly className: string;
  readonly package: string;
}

interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const classPrefix = /^(?:[A-Z][a-z]+(?=V\d))?V\d+(?:(?:alpha|beta)\d+)?(?=[A-Z])/;
const isClass = (type: string): boolean => classPrefix.test(type) && type !== 'V1MicroTime';

const scalars: Readonly<Record<string, Shape>> = {
  'string ': { type: 'string' },
  'string byte': { type: 'string', format: 'byte' },
  'boolean ': { type: 'boolean' },
  'number int32': { type: 'integer', format: 'int32' },
  'number int64': { type: 'integer', format: 'int64' },
  'number double': { type: 'number', format: 'double' },
  'any ': { type: 'any' },
  'Date date-time': { type: 'string', format: 'date-time' },
  'V1MicroTime date-time-micro': { type: 'string', format: 'micro-time' },
  'IntOrString int-or-string': { type: 'string', format: 'int-or-string' },
};

const wordsOfType: ReadonlySet<string> = new Set(['IntOrString', 'V1MicroTime']);

/** The shape of an attribute's type such as `Array<V1Container>`; `nameOf` gives a class its full name. */
const shapeOf = (type: string, format: string, nameOf: (className: string) => string): Shape => {
  const array = /^(?:Array|Set)<(.*)>$/.exec(type)?.[1];
  if (array !== undefined) return { array: shapeOf(array, format, nameOf) };
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type)?.[1];
  if (map !== undefined) return { map: shapeOf(map, format, nameOf) };
  if (isClass(type)) return { ref: nameOf(type) };
  const scalar = scalars[`${type} ${format}`];
  if (scalar === undefined) throw new TypeError(`the client package has a type that Berth does not know: ${type} (${format})`);
  return scalar;
};

const asQuantity = (shape: Shape): Shape => ('map' in shape ? { map: asQuantity(shape.map) } : { type: 'string', format: 'quantity' });

const elementOf = (type: string): string => /(?:<|: )([A-Za-z0-9]+)[>;]/.exec(type)?.[1] ?? type;

const unescape = (text: string): string =>
  text.replaceAll(/^\s*\* ?/gm, '').replaceAll(/\\(['"\\])/g, '$1').trim();

/** Documentation and required fields of one class, from its `.d.ts`. */
const parseDeclaration = (source: string): TypeDescriptions & { required: string[] } => {
  const description = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(source)?.[1] ?? '';
  const properties: Record<string, string> = {};
  const required: string[] = [];
  for (const [, comment, name = '', optional] of source.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {4}'([^']+)'(\?)?: /gm)) {
    const field = name.replace(/^_/, '');
    if (comment !== undefined) properties[field] = unescape(comment);
    if (optional === undefined) required.push(field);
  }
  return { description: unescape(description), properties, required };
};

const readAttributes = async (folder: string, className: string): Promise<readonly Attribute[]> => {
  const loaded = (await import(pathToFileURL(join(folder, `${className}.js`)).href)) as Record<string, { attributeTypeMap: readonly Attribute[] }>;
  return loaded[className]?.attributeTypeMap ?? [];
};

/** Everything reachable from `roots`, which are asked in their order; `folder` holds the package's model classes. */
export const readClientModels = async (
  folder: string,
  roots: readonly Root[],
): Promise<{ structures: Structures; descriptions: Descriptions }> => {
  const names = new Map<string, string>();
  const attributes = new Map<string, readonly Attribute[]>();
  const pending = [...roots].reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (names.has(next.className)) continue;
    names.set(next.className, fullName(`${next.package}.${next.className.replace(classPrefix, '')}`));
    const found = await readAttributes(folder, next.className);
    attributes.set(next.className, found);
    for (const { type } of found) {
      const className = elementOf(type);
      if (isClass(className)) pending.push({ className, package: next.package });
    }
  }
  const nameOf = (className: string): string => names.get(className) ?? className;
  const structures: Record<string, TypeStructure> = {};
  const descriptions: Record<string, TypeDescriptions> = {};
  for (const [className, name] of [...names].sort(([, a], [, b]) => (a < b ? -1 : 1))) {
    const { description, properties: texts, required } = parseDeclaration(readFileSync(join(folder, `${className}.d.ts`), 'utf8'));
    const properties: Record<string, Shape> = {};
    for (const { baseName, type, format } of attributes.get(className) ?? []) {
      const shape = shapeOf(type, format, nameOf);
      // These fields carry the words of their type in place of their own.
      if (wordsOfType.has(type)) Reflect.deleteProperty(texts, baseName);
      properties[baseName] = isQuantity(shortName(name), baseName) ? asQuantity(shape) : shape;
    }
    structures[name] = { ...(required.length > 0 ? { required } : {}), properties };
    descriptions[name] = { description, properties: texts };
  }
  return { structures, descriptions };
};
