/** Lists, selectors, pages, tables and discovery over HTTPS against a real etcd. */
import { gunzipSync } from 'node:zlib';
import test from 'ava';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import { type ApiFixture, startApi } from '../fixtures/api-server.ts';
import { startWatch } from '../fixtures/watch-lines.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

const withConfigMaps = async (count: number, fixture = server()): Promise<ApiFixture> => {
  for (let index = 0; index < count; index += 1) {
    const name = `map-${index}`;
    const body = { ...configMapNamed(name), metadata: { name, labels: { parity: index % 2 ? 'odd' : 'even' } } };
    await fixture.request('POST', configMaps, { body });
  }
  return fixture;
};

const namesOf = (json: { items: { metadata: { name: string } }[] }): string[] => json.items.map(({ metadata }) => metadata.name);

test.serial('a list has its kind, its revision and what its selectors want', async (t) => {
  const { request } = await withConfigMaps(4);
  const { json } = await request('GET', configMaps);
  t.like(json, { kind: 'ConfigMapList', apiVersion: 'v1' });
  t.deepEqual(namesOf(json), ['map-0', 'map-1', 'map-2', 'map-3']);
  t.true(Number(json.metadata.resourceVersion) > 0);
  const select = async (query: string): Promise<string[]> => namesOf((await request('GET', `/api/v1/configmaps?${query}`)).json);
  t.deepEqual(await select('labelSelector=parity%3Dodd'), ['map-1', 'map-3']);
  t.deepEqual(await select('labelSelector=parity%20in%20(even),parity'), ['map-0', 'map-2']);
  t.deepEqual(await select('fieldSelector=metadata.name%3Dmap-2'), ['map-2']);
  t.deepEqual(await select('fieldSelector=metadata.namespace%3Ddefault,metadata.name!%3Dmap-2'), ['map-0', 'map-1', 'map-3']);
  t.is((await request('GET', `${configMaps}?fieldSelector=data.key%3Dvalue`)).status, 400);
  t.is((await request('GET', `${configMaps}?labelSelector=a%20in%20(b`)).status, 400);
});

test.serial('pods are selected by node and phase', async (t) => {
  const { request, api, options } = server();
  for (const name of ['a', 'b', 'c']) await request('POST', pods, { body: podNamed(name) });
  await api.bind('default', 'a', '', 'node-1', options);
  await api.bind('default', 'c', '', 'node-1', options);
  const select = async (selector: string): Promise<string[]> =>
    namesOf((await request('GET', `/api/v1/pods?fieldSelector=${encodeURIComponent(selector)}&limit=500`)).json);
  t.deepEqual(await select('spec.nodeName=node-1,status.phase!=Succeeded,status.phase!=Failed'), ['a', 'c']);
  t.deepEqual(await select('spec.nodeName='), ['b']);
});

test.serial('pages are continued where they ended, and carry the first page\'s revision', async (t) => {
  const { request } = await withConfigMaps(5);
  const first = (await request('GET', `${configMaps}?limit=2`)).json;
  t.deepEqual(namesOf(first), ['map-0', 'map-1']);
  t.is(first.metadata.remainingItemCount, 3);
  await request('DELETE', `${configMaps}/map-2`);
  const second = (await request('GET', `${configMaps}?limit=2&continue=${first.metadata.continue}`)).json;
  t.deepEqual(namesOf(second), ['map-3', 'map-4']);
  t.is(second.metadata.resourceVersion, first.metadata.resourceVersion);
  t.is(second.metadata.continue, undefined);
  t.is((await request('GET', `${configMaps}?limit=2&continue=nonsense`)).status, 400);
  const old = Buffer.from(JSON.stringify({ v: 1, rv: 1, after: 'default/map-0' })).toString('base64url');
  const expired = await request('GET', `${configMaps}?continue=${old}`);
  t.is(expired.status, 410);
  t.is(expired.json.reason, 'Expired');
});

test.serial('tables have the columns and cells of kubectl', async (t) => {
  const { request } = server();
  await request('POST', pods, { body: podNamed('one') });
  const { json } = await request('GET', pods, { headers: table });
  t.is(json.kind, 'Table');
  const shown = json.columnDefinitions.filter(({ priority }: { priority: number }) => priority === 0);
  t.deepEqual(shown.map(({ name }: { name: string }) => name), ['Name', 'Ready', 'Status', 'Restarts', 'Age']);
  const [row] = json.rows;
  t.deepEqual(row.cells.slice(0, 4), ['one', '0/1', 'Pending', '0']);
  t.is(row.object.kind, 'PartialObjectMetadata');
  const full = await request('GET', `${pods}/one?includeObject=Object`, { headers: table });
  t.is(full.json.rows[0].object.kind, 'Pod');
  await request('POST', '/apis/apps/v1/namespaces/default/deployments', { body: deploymentNamed('web', 3) });
  const deployments = await request('GET', '/apis/apps/v1/deployments', { headers: table });
  t.deepEqual(deployments.json.rows[0].cells.slice(0, 4), ['web', '0/3', 0, 0]);
});

test.serial('metadata alone comes to those who ask for it', async (t) => {
  const { request } = await withConfigMaps(1);
  const headers = { accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
  const { json } = await request('GET', configMaps, { headers });
  t.is(json.kind, 'PartialObjectMetadataList');
  t.deepEqual(Object.keys(json.items[0]).toSorted(), ['apiVersion', 'kind', 'metadata']);
});

test.serial('discovery answers in both forms', async (t) => {
  const { request } = server();
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
  const aggregated = await request('GET', '/apis', { headers: { accept } });
  t.is(aggregated.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
  const apps = aggregated.json.items.find(({ metadata }: { metadata: { name: string } }) => metadata.name === 'apps');
  t.true(apps.versions[0].resources.some(({ resource }: { resource: string }) => resource === 'deployments'));
  t.deepEqual((await request('GET', '/api')).json.versions, ['v1']);
  t.true((await request('GET', '/apis')).json.groups.some(({ name }: { name: string }) => name === 'apps'));
  const { resources } = (await request('GET', '/api/v1')).json;
  const eviction = resources.find(({ name }: { name: string }) => name === 'pods/eviction');
  t.like(eviction, { group: 'policy', version: 'v1', kind: 'Eviction', namespaced: true });
  const scale = (await request('GET', '/apis/apps/v1')).json.resources.find(({ name }: { name: string }) => name === 'deployments/scale');
  t.like(scale, { group: 'autoscaling', version: 'v1', kind: 'Scale' });
  t.is((await request('GET', '/apis/nowhere')).status, 404);
});

test.serial('large answers are compressed for those who take it', async (t) => {
  const { request } = server();
  await request('POST', configMaps, { body: configMapNamed('large', { key: 'x'.repeat(100_000) }) });
  const plain = await request('GET', `${configMaps}/large`);
  const packed = await request('GET', `${configMaps}/large`, { headers: { 'accept-encoding': 'gzip' } });
  t.is(packed.headers['content-encoding'], 'gzip');
  t.true(packed.bytes.length < plain.bytes.length / 10);
  t.is(gunzipSync(packed.bytes).toString(), plain.text);
});

test.serial('version, health and metrics', async (t) => {
  const { request } = server();
  const version = await request('GET', '/version', { as: null });
  t.like(version.json, { major: '1', minor: '32' });
  t.regex(version.json.gitVersion, /^v1\.32\./);
  for (const path of ['/healthz', '/livez', '/readyz']) t.is((await request('GET', path, { as: null })).text, 'ok');
  const metrics = await request('GET', '/metrics');
  t.regex(metrics.text, /^apiserver_request_total\{verb="get",resource="",code="200"\} \d+$/m);
  t.regex(metrics.text, /^process_resident_memory_bytes \d+$/m);
});

test.serial('while etcd is away, reads that allow it come from the cache and others say so; when it is back, so is everything, by itself', async (t) => {
  const fixture = await withConfigMaps(1, await startApi(t));
  const { request, etcd, store } = fixture;
  const watch = await startWatch(fixture, `${configMaps}?watch=true&resourceVersion=${store.reader.revision}`);
  await etcd.kill();
  t.is((await request('GET', `${configMaps}/map-0?resourceVersion=0`)).status, 200);
  t.deepEqual(namesOf((await request('GET', `${configMaps}?resourceVersion=0`)).json), ['map-0']);
  const refused = [await request('POST', configMaps, { body: configMapNamed('late') }), await request('GET', configMaps)];
  for (const answer of refused) {
    t.is(answer.status, 503);
    t.is(answer.headers['retry-after'], '1');
  }
  while (store.connected()) await new Promise((resolve) => setImmediate(resolve));
  t.is((await request('GET', '/readyz', { as: null })).status, 503);
  t.is((await request('GET', '/livez', { as: null })).status, 200);

  await etcd.restart();
  while ((await request('POST', configMaps, { body: configMapNamed('back') })).status === 503);
  while ((await request('GET', '/readyz', { as: null })).status !== 200);
  t.deepEqual(namesOf((await request('GET', configMaps)).json), ['back', 'map-0']);
  t.deepEqual(await watch.names(1), ['ADDED back'], 'a watch from before goes on');
  watch.close();
});
