/**
 * `/openapi/v3`: an index of group versions and one document for each. A document's URL carries the hash of what it
 * is made of, so that clients fetch it once and keep it. Documents are built when first asked for, and only their
 * compressed form is kept: together some 60 kB instead of megabytes of strings.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { kinds as servedKinds, type Kind } from '../../proto/kinds.ts';
import type { JsonRecord } from '../../proto/schema/records.ts';
import { loadDescriptions, type Schema, type SchemaType } from '../../proto/schema/schema.ts';
import type { Descriptions } from '../../proto/schema/shape.ts';
import { fullName, typeNameOf } from '../../proto/schema/type-names.ts';
import { kindPaths } from './openapi/operations.ts';
import { type GroupVersionKind, componentSchemas } from './openapi/schemas.ts';
import { acceptsVersion2, version2ContentType, version2Document } from './openapi/version-2.ts';

export interface OpenApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface OpenApiOptions {
  readonly schema: Schema;
  /** The server's version as /version gives it, e.g. `v1.32.0+berth`. */
  readonly version: string;
  readonly kinds?: readonly Kind[];
  readonly descriptions?: () => Descriptions;
}

const compress = promisify(gzip);
const decompress = promisify(gunzip);

const indexPath = '/openapi/v3';
const version2Path = '/openapi/v2';
const deleteOptions = fullName('meta.v1.DeleteOptions');
const status = fullName('meta.v1.Status');

/** `v1` -> `api/v1`, `apps/v1` -> `apis/apps/v1`: how the index names group versions, and the end of their URLs. */
const pathOf = (apiVersion: string): string => (apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`);

export class OpenApi {
  readonly #schema: Schema;
  readonly #version: string;
  readonly #descriptions: () => Descriptions;
  readonly #hash: string;
  /** `api/v1` -> the kinds served there; empty for `api`, `apis`, `apis/apps` and `version`. */
  readonly #kinds = new Map<string, Kind[]>();
  readonly #compressed = new Map<string, Promise<Buffer>>();

  constructor({ schema, version, kinds = servedKinds, descriptions = loadDescriptions }: OpenApiOptions) {
    this.#schema = schema;
    this.#version = version;
    this.#descriptions = descriptions;
    for (const path of ['api', 'apis', 'version']) this.#kinds.set(path, []);
    for (const kind of kinds) {
      const path = pathOf(kind.apiVersion);
      if (kind.group) this.#kinds.set(`apis/${kind.group}`, []);
      const group = this.#kinds.get(path);
      if (group === undefined) this.#kinds.set(path, [kind]);
      else group.push(kind);
    }
    // All that documents are made of but their documentation, which comes with the same package as the structure.
    const structure = [...schema.types.values()].map(({ name, required, fields }) => [name, required, [...fields]]);
    this.#hash = createHash('sha256').update(JSON.stringify([version, kinds, structure])).digest('hex').slice(0, 32).toUpperCase();
  }

  /** What `/openapi/v3` answers: every served group version with the URL of its document. */
  index(): { readonly paths: Readonly<Record<string, { readonly serverRelativeURL: string }>> } {
    const paths = [...this.#kinds.keys()].sort();
    return {
      paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `${indexPath}/${path}?hash=${this.#hash}` }])),
    };
  }

  /** The gzipped JSON document of `api/v1`, `apis/apps/v1`, …; undefined when there is none. */
  document(path: string): Promise<Buffer> | undefined {
    const kinds = this.#kinds.get(path);
    if (kinds === undefined) return undefined;
    const present = this.#compressed.get(path);
    if (present !== undefined) return present;
    const built = compress(JSON.stringify(this.#build(kinds)));
    this.#compressed.set(path, built);
    // A failure must not stay: the next request tries again.
    built.catch(() => this.#compressed.delete(path));
    return built;
  }

  /**
   * The answer to a GET below /openapi; undefined for what is not served (version 2 as JSON, unknown group versions).
   * `path` may carry a query. The caller's header `accept-encoding` decides whether the body is gzipped.
   */
  async respond(path: string, headers: Readonly<Record<string, string | readonly string[] | undefined>>): Promise<OpenApiAnswer | undefined> {
    const [pathname = '', query = ''] = path.split('?', 2);
    if (pathname === indexPath || pathname === `${indexPath}/`) {
      return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify(this.index())) };
    }
    if (pathname === version2Path && acceptsVersion2(String(headers['accept'] ?? ''))) {
      const kinds = [...this.#kinds.values()].flat();
      return { status: 200, headers: { 'content-type': version2ContentType }, body: version2Document('Berth', this.#version, kinds) };
    }
    if (!pathname.startsWith(`${indexPath}/`)) return undefined;
    const document = this.document(pathname.slice(indexPath.length + 1));
    if (document === undefined) return undefined;
    const etag = `"${this.#hash}"`;
    // An outdated hash gets the present document, but must not be remembered under the old name.
    const isCurrent = new URLSearchParams(query).get('hash') === this.#hash;
    const caching = isCurrent ? 'public, max-age=31536000, immutable' : 'no-cache, private';
    const common = { 'content-type': 'application/json', etag, vary: 'Accept-Encoding', 'cache-control': caching };
    if (String(headers['if-none-match'] ?? '').includes(etag)) return { status: 304, headers: common, body: Buffer.alloc(0) };
    const compressed = await document;
    return /\bgzip\b/i.test(String(headers['accept-encoding'] ?? ''))
      ? { status: 200, headers: { ...common, 'content-encoding': 'gzip' }, body: compressed }
      : { status: 200, headers: common, body: await decompress(compressed) };
  }

  #build(kinds: readonly Kind[]): JsonRecord {
    const paths: JsonRecord = {};
    const roots: SchemaType[] = [];
    const kindsByType = new Map<string, GroupVersionKind[]>();
    const add = (typeName: string, kind: GroupVersionKind): void => {
      const type = this.#schema.type(typeName);
      if (type === undefined) return;
      roots.push(type);
      kindsByType.set(typeName, [kind]);
    };
    for (const kind of kinds) {
      const list = { group: kind.group, version: kind.version, kind: `${kind.kind}List` };
      const types = { object: typeNameOf(kind), list: typeNameOf(list), deleteOptions, status };
      add(types.object, kind);
      add(types.list, list);
      add(deleteOptions, { group: kind.group, version: kind.version, kind: 'DeleteOptions' });
      add(status, { group: '', version: 'v1', kind: 'Status' });
      Object.assign(paths, kindPaths(kind, types));
    }
    const schemas = roots.length === 0 ? {} : componentSchemas(this.#schema, this.#descriptions(), roots, ({ name }) => kindsByType.get(name) ?? []);
    return { openapi: '3.0.0', info: { title: 'Berth', version: this.#version }, paths, components: { schemas } };
  }
}
