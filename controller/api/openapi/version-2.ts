/**
 * `/openapi/v2` for those kubectls that ask for it: older ones before they apply, newer ones when they do not find a kind, who
 * would otherwise report the missing document instead of the missing kind. It tells which kinds take fieldValidation, and no
 * more. Messages and field numbers are those of gnostic's openapi_v2.proto.
 */
import protobuf from 'protobufjs/minimal.js';
import type { Kind } from '../../../proto/kinds.ts';

/** Clients ask for `v2@v1.0`, which as a content type would not be well formed. */
export const version2ContentType = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Whether an Accept header asks for the document in the one form that there is. */
export const acceptsVersion2 = (accept: string): boolean => /com\.github\.proto-openapi\.spec\.v2@v1\.0\+protobuf/.test(accept);

/** Field number -> text, or the bytes of a message; several for a field that repeats. */
type Fields = readonly (readonly [number: number, value: string | Uint8Array])[];

const bytesField = 2;

const message = (fields: Fields): Uint8Array => {
  const writer = protobuf.Writer.create();
  for (const [number, value] of fields) {
    writer.uint32((number << 3) | bytesField);
    if (typeof value === 'string') writer.string(value);
    else writer.bytes(value);
  }
  return writer.finish();
};

/** ParametersItem > Parameter > NonBodyParameter > QueryParameterSubSchema */
const queryParameter = (name: string): Uint8Array => message([[1, message([[2, message([[3, message([[2, 'query'], [4, name]])]])]])]]);

/** NamedAny > Any, as YAML */
const extension = (name: string, yaml: string): Uint8Array => message([[1, name], [2, message([[2, yaml]])]]);

/** NamedPathItem > PathItem > Operation */
const patchPath = ({ apiVersion, group, version, kind, plural, namespaced }: Kind): Uint8Array => {
  const root = group ? '/apis' : '/api';
  const path = `${root}/${apiVersion}/${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/{name}`;
  const operation = message([
    [8, queryParameter('fieldValidation')],
    [8, queryParameter('dryRun')],
    [13, extension('x-kubernetes-group-version-kind', `group: "${group}"\nkind: ${kind}\nversion: ${version}\n`)],
  ]);
  return message([[1, path], [2, message([[8, operation]])]]);
};

/** The document: a few kilobytes. */
export const version2Document = (title: string, version: string, kinds: readonly Kind[]): Buffer =>
  Buffer.from(message([[1, '2.0'], [2, message([[1, title], [2, version]])], [8, message(kinds.map((kind) => [2, patchPath(kind)]))]]));
