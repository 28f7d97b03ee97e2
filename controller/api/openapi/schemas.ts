/** The component schemas of an OpenAPI v3 document, from the generated schema and its documentation. */
import type { Kind } from '../../../proto/kinds.ts';
import { enumOf } from '../../../proto/schema/enums.ts';
import { listType, isAtomicMap, isAtomicType } from '../../../proto/schema/list-types.ts';
import { mergeRule } from '../../../proto/schema/lists.ts';
import type { JsonRecord } from '../../../proto/schema/records.ts';
import type { Schema, SchemaType } from '../../../proto/schema/schema.ts';
import type { Descriptions, Scalar, Shape } from '../../../proto/schema/shape.ts';

/** What a type stands for on the wire, as clients look it up. */
export type GroupVersionKind = Pick<Kind, 'group' | 'version' | 'kind'>;

const refTo = (name: string): string => `#/components/schemas/${name}`;

/** Scalars that clients know by name; in Berth's schema they are formats. */
const intOrString = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
/** What fields of these formats are, where the client package does not say. */
const formatWords: Readonly<Record<string, string>> = {
  'int-or-string': 'A number, or a string: the name of a port, or a percentage.',
  'micro-time': 'A time with six digits after the second: 2006-01-02T15:04:05.000000Z.',
};
const namedScalars: Readonly<Record<string, JsonRecord>> = {
  [intOrString]: {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
  },
  [quantity]: {
    description: 'An amount with a suffix of thousands (n, u, m, k, M, G, T, P, E) or of 1024s (Ki, Mi, Gi, Ti, Pi, Ei): 250m, 2, 1.5Gi.',
    oneOf: [{ type: 'string' }, { type: 'number' }],
  },
};

const scalar = ({ type, format }: Scalar): JsonRecord => {
  if (type === 'any') return { type: 'object' };
  if (format === 'int-or-string') return { allOf: [{ $ref: refTo(intOrString) }] };
  if (format === 'quantity') return { allOf: [{ $ref: refTo(quantity) }] };
  if (format === 'micro-time') return { type, format: 'date-time' };
  return format === undefined ? { type } : { type, format };
};

const shapeSchema = (shape: Shape): JsonRecord => {
  if ('ref' in shape) return { allOf: [{ $ref: refTo(shape.ref) }] };
  if ('array' in shape) return { type: 'array', items: shapeSchema(shape.array) };
  return 'map' in shape ? { type: 'object', additionalProperties: shapeSchema(shape.map) } : scalar(shape);
};

/** Kubernetes' extensions: how patches and server-side apply merge the field. */
const extensions = (typeName: string, field: string): JsonRecord => {
  const rule = mergeRule(typeName, field);
  const list = listType(typeName, field);
  const strategy = [...(rule?.merge ? ['merge'] : []), ...(rule?.replace ? ['replace'] : []), ...(rule?.retainKeys ? ['retainKeys'] : [])].join(',');
  return {
    ...(list === undefined ? {} : { 'x-kubernetes-list-type': list.type }),
    ...(list?.keys === undefined ? {} : { 'x-kubernetes-list-map-keys': list.keys }),
    ...(isAtomicMap(typeName, field) ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...(rule?.key === undefined ? {} : { 'x-kubernetes-patch-merge-key': rule.key }),
    ...(strategy === '' ? {} : { 'x-kubernetes-patch-strategy': strategy }),
  };
};

/** What a field's type says of itself. */
const wordsOf = (shape: Shape, descriptions: Descriptions): string | undefined => {
  if ('ref' in shape) return descriptions[shape.ref]?.description;
  return 'type' in shape && shape.format ? formatWords[shape.format] : undefined;
};

/** The types that fields hold as they are, not in lists or maps. */
const heldTypes = (schema: Schema): ReadonlySet<string> =>
  new Set([...schema.types.values()].flatMap(({ fields }) => [...fields.values()].flatMap((shape) => ('ref' in shape ? [shape.ref] : []))));

const typeSchema = (type: SchemaType, descriptions: Descriptions, isHeld: boolean, kinds: readonly GroupVersionKind[]): JsonRecord => {
  const texts = descriptions[type.name];
  const properties: JsonRecord = {};
  for (const [field, shape] of type.fields) {
    // The client package says nothing on fields that hold a type: the type's own words stand in. The type then leaves
    // them out (see `heldTypes`), since `kubectl explain` prints both.
    const description = texts?.properties[field] ?? wordsOf(shape, descriptions);
    const words = enumOf(type.name, field);
    properties[field] = {
      ...(description ? { description } : {}),
      ...shapeSchema(shape),
      ...(words === undefined ? {} : { enum: words }),
      ...extensions(type.name, field),
    };
  }
  return {
    ...(texts?.description && !isHeld ? { description: texts.description } : {}),
    type: 'object',
    ...(type.fields.size > 0 ? { properties } : {}),
    ...(type.required.length > 0 ? { required: type.required } : {}),
    ...(isAtomicType(type.name) ? { 'x-kubernetes-map-type': 'atomic' } : {}),
    ...(kinds.length > 0 ? { 'x-kubernetes-group-version-kind': kinds.map(({ group, version, kind }) => ({ group, version, kind })) } : {}),
  };
};

/** The schemas of `roots` and of all that they refer to; `kindsOf` says which kinds a type is. */
export const componentSchemas = (
  schema: Schema,
  descriptions: Descriptions,
  roots: readonly SchemaType[],
  kindsOf: (type: SchemaType) => readonly GroupVersionKind[],
): JsonRecord => {
  const found = new Map<string, JsonRecord>(Object.entries(namedScalars));
  const held = heldTypes(schema);
  const pending = [...roots];
  for (let type = pending.pop(); type !== undefined; type = pending.pop()) {
    if (found.has(type.name)) continue;
    found.set(type.name, typeSchema(type, descriptions, held.has(type.name), kindsOf(type)));
    for (const shape of type.fields.values()) {
      const inner = schema.itemType(shape);
      if (inner !== undefined) pending.push(inner);
    }
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
};
