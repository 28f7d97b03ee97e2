import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { OpenApi, type OpenApiAnswer } from '../../../../controller/api/openapi.ts';
import { kinds } from '../../../../proto/kinds.ts';
import { loadDescriptions, loadSchema } from '../../../../proto/schema/schema.ts';

const schema = loadSchema();
const openApi = new OpenApi({ schema, version: 'v1.32.0' });

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly 'x-kubernetes-group-version-kind': object;
}
interface Field {
  readonly description?: string;
  readonly [extension: string]: unknown;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, Field>>; readonly [extension: string]: unknown }>>;
  };
}

const fetch = async (path: string, headers: Record<string, string> = {}): Promise<OpenApiAnswer> => {
  const answer = await openApi.respond(path, headers);
  if (answer === undefined) throw new Error(`${path} is not served`);
  return answer;
};
const urlOf = (path: string): string => openApi.index().paths[path]?.serverRelativeURL ?? '';
const documentOf = async (path: string): Promise<Document> => JSON.parse((await fetch(urlOf(path))).body.toString()) as Document;

test('the index lists every served group version with a hashed URL', async (t) => {
  const { paths } = JSON.parse((await fetch('/openapi/v3?timeout=32s')).body.toString()) as ReturnType<OpenApi['index']>;
  for (const { apiVersion } of kinds) {
    const path = apiVersion.includes('/') ? `apis/${apiVersion}` : `api/${apiVersion}`;
    t.regex(paths[path]?.serverRelativeURL ?? '', new RegExp(`^/openapi/v3/${path}\\?hash=[0-9A-F]{32}$`), path);
  }
  for (const path of ['api', 'apis', 'apis/apps', 'version']) t.truthy(paths[path], path);
});

test('every entry of the index is a document', async (t) => {
  for (const [path, { serverRelativeURL }] of Object.entries(openApi.index().paths)) {
    const { status, body } = await fetch(serverRelativeURL);
    t.is(status, 200, path);
    t.is((JSON.parse(body.toString()) as { openapi: string }).openapi, '3.0.0', path);
  }
});

test('every kind has a patch operation that takes fieldValidation: what kubectl looks for', async (t) => {
  for (const { group, version, kind, apiVersion } of kinds) {
    const { paths } = await documentOf(group ? `apis/${apiVersion}` : `api/${version}`);
    const patches = Object.values(paths).flatMap(({ patch }) => (patch === undefined ? [] : [patch]));
    const found = patches.find((patch) => JSON.stringify(patch['x-kubernetes-group-version-kind']) === JSON.stringify({ group, version, kind }));
    t.true(found?.parameters?.some((parameter) => parameter.name === 'fieldValidation' && parameter.in === 'query'), kind);
  }
});

test('every reference leads to a schema of the same document', async (t) => {
  for (const path of Object.keys(openApi.index().paths)) {
    const document = await documentOf(path);
    const text = JSON.stringify(document);
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) t.truthy(document.components.schemas[name], `${path}: ${name}`);
  }
});

test('fields tell how they are merged, kinds what they are, and everything what it is for', async (t) => {
  const { components } = await documentOf('apis/apps/v1');
  const containers = components.schemas['io.k8s.api.core.v1.PodSpec']?.properties?.['containers'];
  t.is(containers?.['x-kubernetes-patch-merge-key'], 'name');
  t.is(containers?.['x-kubernetes-patch-strategy'], 'merge');
  t.is(containers?.['x-kubernetes-list-type'], 'map');
  t.deepEqual(containers?.['x-kubernetes-list-map-keys'], ['name']);
  t.truthy(containers?.description);
  t.deepEqual(components.schemas['io.k8s.api.core.v1.PodSpec']?.properties?.['restartPolicy']?.['enum'], ['Always', 'Never', 'OnFailure']);
  t.is(components.schemas['io.k8s.api.core.v1.PodSpec']?.properties?.['volumes']?.['x-kubernetes-patch-strategy'], 'merge,retainKeys');
  t.deepEqual(components.schemas['io.k8s.api.apps.v1.Deployment']?.['x-kubernetes-group-version-kind'], [
    { group: 'apps', version: 'v1', kind: 'Deployment' },
  ]);
});

test('a document is kept for ever under its hash, and not under another', async (t) => {
  const url = urlOf('apis/apps/v1');
  t.regex((await fetch(url)).headers['cache-control'] ?? '', /immutable/);
  t.regex((await fetch('/openapi/v3/apis/apps/v1?hash=OLD')).headers['cache-control'] ?? '', /no-cache/);
  const { headers } = await fetch(url);
  const again = await fetch(url, { 'if-none-match': headers['etag'] ?? '' });
  t.is(again.status, 304);
  t.is(again.body.length, 0);
});

test('a document is compressed for those who take it', async (t) => {
  const url = urlOf('api/v1');
  const packed = await fetch(url, { 'accept-encoding': 'gzip' });
  t.is(packed.headers['content-encoding'], 'gzip');
  const plain = await fetch(url);
  t.is(plain.headers['content-encoding'], undefined);
  t.deepEqual(gunzipSync(packed.body), plain.body);
});

test('descriptions are read once per document, and the hash follows the version', async (t) => {
  let reads = 0;
  const counted = new OpenApi({
    schema,
    version: 'v1.32.1',
    descriptions: () => {
      reads += 1;
      return loadDescriptions();
    },
  });
  t.is(reads, 0);
  await counted.document('apis/apps/v1');
  await counted.document('apis/apps/v1');
  t.is(reads, 1);
  t.notDeepEqual(counted.index(), openApi.index());
});

test('nothing else is served: not version 2, not group versions that do not exist', async (t) => {
  for (const path of ['/openapi/v2', '/openapi', '/openapi/v3/apis/batch/v1', '/openapi/v3/constructor', '/openapi/v3/../v3']) {
    t.is(await openApi.respond(path, {}), undefined, path);
  }
});
