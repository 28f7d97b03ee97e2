/** Request bodies: bytes and a content type in, a JSON value out. Their size is the HTTP layer's to limit. */
import { ApiError } from '../../proto/errors.ts';
import type { Schema } from '../../proto/schema/schema.ts';
import { type ParsedText, parseJson } from './json-text.ts';
import { ProtobufDecoder } from './protobuf/decode.ts';
import { parseYaml } from './yaml-text.ts';

export type DecodedBody = ParsedText;

const jsonTypes: ReadonlySet<string> = new Set([
  'application/json',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
]);
const yamlTypes: ReadonlySet<string> = new Set(['application/yaml', 'application/apply-patch+yaml']);
const protobufType = 'application/vnd.kubernetes.protobuf';

/** `Application/JSON; charset=utf-8` -> `application/json`; JSON when there is none. */
export const mediaType = (contentType: string | undefined): string =>
  contentType?.split(';', 1)[0]?.trim().toLowerCase() || 'application/json';

export class BodyDecoder {
  readonly #protobuf: ProtobufDecoder;

  constructor(schema: Schema) {
    this.#protobuf = new ProtobufDecoder(schema);
  }

  /**
   * The value of a body; undefined for an empty one. Throws ApiError: UnsupportedMediaType for other content
   * types, BadRequest (with the position, where there is one) for malformed bodies.
   */
  async decode(bytes: Buffer, contentType: string | undefined): Promise<DecodedBody> {
    const type = mediaType(contentType);
    if (jsonTypes.has(type)) return bytes.length === 0 ? { value: undefined, duplicates: [] } : parseJson(bytes.toString('utf8'));
    if (yamlTypes.has(type)) return bytes.length === 0 ? { value: undefined, duplicates: [] } : parseYaml(bytes.toString('utf8'));
    if (type === protobufType) {
      return { value: bytes.length === 0 ? undefined : this.#protobuf.decode(bytes), duplicates: [] };
    }
    const supported = [...jsonTypes, ...yamlTypes, protobufType].join(', ');
    throw new ApiError('UnsupportedMediaType', `the body of the request was in an unknown format - accepted media types include: ${supported}`);
  }
}
