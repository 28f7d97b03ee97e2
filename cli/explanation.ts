/** Explains a field of a kind from the server's OpenAPI document, as `kubectl explain` does. Pure. */
import type { Kind } from '../proto/kinds.ts';
import { nearestName } from '../proto/schema/nearest.ts';
import { Refused } from './errors.ts';

export interface OpenApiSchema {
  readonly description?: string;
  readonly type?: string;
  readonly $ref?: string;
  readonly allOf?: readonly OpenApiSchema[];
  readonly oneOf?: readonly OpenApiSchema[];
  readonly items?: OpenApiSchema;
  readonly additionalProperties?: OpenApiSchema | boolean;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly 'x-kubernetes-group-version-kind'?: readonly { readonly group: string; readonly version: string; readonly kind: string }[];
}

export type OpenApiSchemas = Readonly<Record<string, OpenApiSchema>>;

/** Types that refer to themselves are shown once (JSONSchemaProps and the like). */
const nestingMax = 12;
const lineCharactersMax = 76;

const referenceOf = (schema: OpenApiSchema): string | undefined => (schema.$ref ?? schema.allOf?.[0]?.$ref)?.replace('#/components/schemas/', '');

/** The innermost schema that a field's value, items or entries have, with the words for its type. */
const inner = (schemas: OpenApiSchemas, schema: OpenApiSchema): { readonly schema: OpenApiSchema; readonly type: string } => {
  const name = referenceOf(schema);
  if (name !== undefined) {
    const target = schemas[name] ?? {};
    // A named scalar (Time, Quantity, IntOrString) is what it is made of.
    const type = target.properties || target.type === 'object' ? (name.split('.').at(-1) ?? name) : (target.type ?? name.split('.').at(-1) ?? name);
    return { schema: target, type };
  }
  if (schema.items) {
    const item = inner(schemas, schema.items);
    return { schema: item.schema, type: `[]${item.type}` };
  }
  if (typeof schema.additionalProperties === 'object') {
    const entry = inner(schemas, schema.additionalProperties);
    return { schema: entry.schema, type: `map[string]${entry.type}` };
  }
  return { schema, type: schema.type ?? (schema.oneOf ? schema.oneOf.map(({ type }) => type).join(' or ') : 'Object') };
};

const wrapped = (text: string, indent: string): string => {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && indent.length + line.length + 1 + word.length > lineCharactersMax) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines.map((line) => `${indent}${line}`.trimEnd()).join('\n');
};

const fieldTitle = (schemas: OpenApiSchemas, owner: OpenApiSchema, name: string, field: OpenApiSchema): string =>
  `${name}\t<${inner(schemas, field).type}>${owner.required?.includes(name) ? ' -required-' : ''}`;

const fieldTree = (schemas: OpenApiSchemas, owner: OpenApiSchema, indent: string, above: readonly OpenApiSchema[]): string[] =>
  Object.entries(owner.properties ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, field]) => {
    const { schema } = inner(schemas, field);
    const below = above.includes(schema) || above.length >= nestingMax ? [] : fieldTree(schemas, schema, `${indent}  `, [...above, schema]);
    return [`${indent}${fieldTitle(schemas, owner, name, field)}`, ...below];
  });

const fieldList = (schemas: OpenApiSchemas, owner: OpenApiSchema): string[] =>
  Object.entries(owner.properties ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => {
    const values = field.enum ? `\n  enum: ${field.enum.join(', ')}` : '';
    return `  ${fieldTitle(schemas, owner, name, field)}${values}\n${wrapped(field.description || '<no description>', '    ')}\n`;
  });

/** Throws Refused when there is no such field; it names the nearest. */
export const explain = (schemas: OpenApiSchemas, kind: Kind, path: readonly string[], recursive: boolean): string => {
  const root = Object.values(schemas).find((schema) =>
    schema['x-kubernetes-group-version-kind']?.some((gvk) => gvk.group === kind.group && gvk.version === kind.version && gvk.kind === kind.kind));
  if (!root) throw new Refused(`the server does not describe ${kind.kind} in ${kind.apiVersion}`);
  let owner: OpenApiSchema = root;
  let title = '';
  let field: OpenApiSchema | undefined;
  for (const [index, name] of path.entries()) {
    field = owner.properties?.[name];
    if (!field) {
      const near = nearestName(name, Object.keys(owner.properties ?? {}));
      throw new Refused(`${[kind.plural, ...path.slice(0, index)].join('.')} has no field "${name}"${near ? `; did you mean "${near}"?` : ''}`);
    }
    title = fieldTitle(schemas, owner, name, field);
    owner = inner(schemas, field).schema;
  }
  const descriptions = [...new Set([field?.description, owner.description].filter((text): text is string => Boolean(text)))];
  const fields = recursive ? fieldTree(schemas, owner, '  ', [owner]) : fieldList(schemas, owner);
  return [
    ...(kind.group ? [`GROUP:      ${kind.group}`] : []),
    `KIND:       ${kind.kind}`,
    `VERSION:    ${kind.version}\n`,
    ...(title ? [`FIELD: ${title}\n`] : []),
    `DESCRIPTION:\n${wrapped(descriptions.join('\n') || '<no description>', '    ')}\n`,
    ...(fields.length > 0 ? ['FIELDS:', ...fields] : []),
    '',
  ].join('\n');
};
