/** The form of the generated schema: what each field of each type may hold. */

/**
 * `format` follows Kubernetes' OpenAPI where it has a name for it (int32, int64, double, byte, date-time) and adds
 * micro-time, int-or-string and quantity for the scalars that have rules of their own.
 */
export type Scalar = {
  readonly type: 'string' | 'boolean' | 'integer' | 'number' | 'any';
  readonly format?: 'int32' | 'int64' | 'double' | 'byte' | 'date-time' | 'micro-time' | 'int-or-string' | 'quantity';
};

export type Shape = Scalar | { readonly ref: string } | { readonly array: Shape } | { readonly map: Shape };

export interface TypeStructure {
  readonly required?: readonly string[];
  readonly properties: Readonly<Record<string, Shape>>;
}

/** generated/schema.json: full type name (`io.k8s.api.apps.v1.Deployment`) -> its structure. */
export type Structures = Readonly<Record<string, TypeStructure>>;

export interface TypeDescriptions {
  readonly description: string;
  readonly properties: Readonly<Record<string, string>>;
}

/** generated/descriptions.json: full type name -> the words of its documentation. */
export type Descriptions = Readonly<Record<string, TypeDescriptions>>;
