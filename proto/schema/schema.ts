/**
 * What the API's objects may hold, as data: loaded from generated/schema.json (see generate.ts), asked by the
 * API's strict decoding, by patches, by OpenAPI and by the CLI.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from '../kinds.ts';
import { type SchemaProblem, checkValue } from './check.ts';
import type { Descriptions, Shape, Structures } from './shape.ts';
import { fullName, typeNameOf } from './type-names.ts';

export type { SchemaProblem } from './check.ts';

export interface SchemaType {
  /** In full: `io.k8s.api.apps.v1.Deployment`. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, Shape>;
  readonly required: readonly string[];
}

export class Schema {
  readonly #types: ReadonlyMap<string, SchemaType>;

  constructor(structures: Structures) {
    this.#types = new Map(
      Object.entries(structures).map(([name, { properties, required = [] }]) => [
        name,
        { name, required, fields: new Map(Object.entries(properties)) },
      ]),
    );
  }

  /** All types, by full name. */
  get types(): ReadonlyMap<string, SchemaType> {
    return this.#types;
  }

  /** `name` in full (`io.k8s.api.core.v1.Pod`) or short (`core.v1.Pod`). */
  type(name: string): SchemaType | undefined {
    return this.#types.get(name) ?? this.#types.get(fullName(name));
  }

  typeOf(kind: Pick<Kind, 'group' | 'version' | 'kind'>): SchemaType | undefined {
    return this.#types.get(typeNameOf(kind));
  }

  /** The type of a field's own objects, of the items of its list or of the values of its map; undefined for scalars. */
  itemType(shape: Shape | undefined): SchemaType | undefined {
    let inner = shape;
    while (inner !== undefined && !('ref' in inner)) {
      if ('array' in inner) inner = inner.array;
      else if ('map' in inner) inner = inner.map;
      else return undefined;
    }
    return inner === undefined ? undefined : this.#types.get(inner.ref);
  }

  /** The field names of a type. */
  fieldsOf(typeName: string): readonly string[] {
    return [...(this.type(typeName)?.fields.keys() ?? [])];
  }

  /** Everything about `object` that is not as its kind should be; empty for kinds without a schema. */
  check(kind: Pick<Kind, 'group' | 'version' | 'kind'>, object: unknown): SchemaProblem[] {
    return this.checkType(typeNameOf(kind), object);
  }

  /** As `check`, for a type of any name, e.g. `autoscaling.v1.Scale` or `meta.v1.DeleteOptions`. */
  checkType(typeName: string, object: unknown): SchemaProblem[] {
    const type = this.type(typeName);
    return type === undefined ? [] : checkValue(this, type, object);
  }
}

const readGenerated = (file: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'generated', file), 'utf8'));

/** Reads the generated schema, about 55 kB. Throws the file system's error when it has not been generated. */
export const loadSchema = (): Schema => new Schema(readGenerated('schema.json') as Structures);

/** Reads the documentation of all types, about 200 kB; meant to be dropped after use. */
export const loadDescriptions = (): Descriptions => readGenerated('descriptions.json') as Descriptions;
