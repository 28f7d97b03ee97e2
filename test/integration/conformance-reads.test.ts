/** What a read promises: how current it is, pages under writes, and watches that neither lose nor repeat. */
import test from 'ava';
import { configMapNamed, podNamed } from '../fixtures/api-objects.ts';
import { startWatch, type WatchLine, type WatchLines } from '../fixtures/watch-lines.ts';
import { sharedApi } from './conformance-server.ts';

const api = sharedApi(test);

const merge = { 'content-type': 'application/merge-patch+json' };
const collection = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

const makeNamespace = async (name: string): Promise<string> => {
  await api().request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  return collection(name);
};

const make = async (path: string, name: string, labels: Record<string, string> = {}): Promise<any> => { // oxlint-disable-line no-explicit-any
  const answer = await api().request('POST', path, { body: { ...configMapNamed(name), metadata: { name, labels } } });
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.json;
};

const namesOf = (json: { items: { metadata: { name: string } }[] }): string[] => json.items.map(({ metadata }) => metadata.name);

test.serial('a revision says how current a list must be', async (t) => {
  const path = await makeNamespace('current');
  const { metadata } = await make(path, 'one');
  const present = Number(metadata.resourceVersion);
  const list = async (query: string) => {
    const { status, json } = await api().request('GET', `${path}${query}`);
    return { status, revision: Number(json.metadata.resourceVersion), items: json.items?.length, json };
  };
  for (const query of ['', '?resourceVersion=', '?resourceVersion=0', `?resourceVersion=${present}`, `?resourceVersion=${present}&resourceVersionMatch=NotOlderThan`]) {
    const answer = await list(query);
    t.is(answer.status, 200, query);
    t.is(answer.items, 1, query);
    t.true(answer.revision >= present, query);
  }
  t.is((await list(`?resourceVersion=${present}&resourceVersionMatch=Exact`)).items, 1);
  await make(path, 'two');
  const gone = await list(`?resourceVersion=${present}&resourceVersionMatch=Exact`);
  t.like(gone.json, { kind: 'Status', code: 410, reason: 'Expired' });
  t.is((await list('?resourceVersion=0&resourceVersionMatch=Exact')).status, 400);
  t.is((await list('?resourceVersionMatch=NotOlderThan')).status, 400);
  t.is((await api().request('GET', `${path}/one?resourceVersion=${present}`)).status, 200);
  t.is((await api().request('GET', `${path}/one?resourceVersion=0`)).status, 200);
});

test.serial('pages under writes: what was there throughout comes once, and a watch from their revision tells the rest', async (t) => {
  const path = await makeNamespace('paged');
  const stable = Array.from({ length: 12 }, (_, at) => `map-${String(at).padStart(2, '0')}-stable`);
  for (const name of stable) await make(path, name);
  const seen: string[] = [];
  let token = '';
  let revision = '';
  for (let page = 0; ; page += 1) {
    const { json } = await api().request('GET', `${path}?limit=4${token ? `&continue=${encodeURIComponent(token)}` : ''}`);
    seen.push(...namesOf(json));
    if (page === 0) {
      revision = json.metadata.resourceVersion;
      t.is(json.metadata.remainingItemCount, 8);
    }
    t.is(json.metadata.resourceVersion, revision);
    token = json.metadata.continue ?? '';
    if (!token) break;
    await make(path, `map-0${page}-before`);
    await make(path, `map-99-${page}`);
  }
  t.deepEqual(seen.filter((name) => name.endsWith('stable')), stable);
  t.is(new Set(seen).size, seen.length);
  const watch = await startWatch(api(), `${path}?watch=true&resourceVersion=${revision}`);
  t.deepEqual(await watch.names(4), ['ADDED map-00-before', 'ADDED map-99-0', 'ADDED map-01-before', 'ADDED map-99-1']);
  watch.close();
  const selected = (await api().request('GET', `${path}?limit=1&labelSelector=!none`)).json;
  t.is(selected.metadata.remainingItemCount, undefined);
  t.is((await api().request('GET', `${path}?limit=1&resourceVersion=${revision}&continue=${selected.metadata.continue}`)).status, 400);
});

/** Reads until the revision of `last` has come; gives the events in between. */
const readUntil = async (watch: WatchLines, revision: string): Promise<WatchLine[]> => {
  const events: WatchLine[] = [];
  for (;;) {
    const event = await watch.next();
    if (!event) return events;
    events.push(event);
    if (event.object.metadata.resourceVersion === revision) return events;
  }
};

test.serial('ten watches that start in the middle of many writes see what each must, in order', async (t) => {
  const path = await makeNamespace('busy');
  const { json: start } = await api().request('GET', path);
  const watches: Promise<WatchLines>[] = [];
  const writes: string[] = [];
  for (let round = 0; round < 10; round += 1) {
    watches.push(startWatch(api(), `${path}?watch=true&resourceVersion=${start.metadata.resourceVersion}`));
    const made = await Promise.all(Array.from({ length: 5 }, (_, at) => make(path, `busy-${round}-${at}`)));
    writes.push(...made.map(({ metadata }) => metadata.resourceVersion as string));
  }
  const last = String(Math.max(...writes.map(Number)));
  const expected = writes.map(Number).sort((a, b) => a - b);
  for (const watching of watches) {
    const watch = await watching;
    const events = await readUntil(watch, last);
    t.deepEqual(events.map(({ object }) => Number(object.metadata.resourceVersion)), expected);
    t.true(events.every(({ type }) => type === 'ADDED'));
    watch.close();
  }
});

test.serial('a watch by fields sees pods come to their node and leave their phase', async (t) => {
  const { request, options } = api();
  const pods = '/api/v1/namespaces/default/pods';
  const watch = await startWatch(api(), `/api/v1/pods?watch=true&fieldSelector=${encodeURIComponent('spec.nodeName=n1,status.phase!=Succeeded')}`);
  await request('POST', pods, { body: podNamed('elsewhere') });
  await request('POST', pods, { body: podNamed('mine') });
  await api().api.bind('default', 'elsewhere', '', 'n2', options);
  await api().api.bind('default', 'mine', '', 'n1', options);
  await request('PATCH', `${pods}/mine/status`, { headers: merge, body: { status: { phase: 'Running' } } });
  const done = await request('PATCH', `${pods}/mine/status`, { headers: merge, body: { status: { phase: 'Succeeded' } } });
  t.deepEqual(await watch.names(2), ['ADDED mine', 'MODIFIED mine']);
  const left = await watch.next();
  t.is(left?.type, 'DELETED');
  t.is(left?.object.status.phase, 'Running');
  t.is(left?.object.metadata.resourceVersion, done.json.metadata.resourceVersion);
  watch.close();
});

test.serial('a watch begins where it is told to', async (t) => {
  const path = await makeNamespace('begin');
  await make(path, 'old');
  const first = async (query: string): Promise<string> => {
    const watch = await startWatch(api(), `${path}?watch=true&${query}`);
    const event = await watch.next();
    watch.close();
    return `${event?.type} ${event?.object.metadata?.name ?? event?.object.code}`;
  };
  t.is(await first('resourceVersion=0'), 'ADDED old');
  t.is(await first('resourceVersion='), 'ADDED old');
  t.is(await first('sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=0&allowWatchBookmarks=true'), 'ADDED old');
  t.is(await first('resourceVersion=1'), 'ERROR 410');
  const { json } = await api().request('GET', path);
  const only = await startWatch(api(), `${path}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=${json.metadata.resourceVersion}`);
  await make(path, 'new');
  t.deepEqual(await only.names(1), ['ADDED new']);
  only.close();
  t.is((await api().request('GET', `${path}?watch=true&resourceVersionMatch=NotOlderThan`)).status, 400);
});

test.serial('a revision from the future times out in the words that clients know', async (t) => {
  const answers = await Promise.all(['', 'watch=true&'].map((query) => api().request('GET', `${collection('default')}?${query}resourceVersion=99999999999`)));
  for (const { status, json } of answers) {
    t.is(status, 504);
    t.regex(json.message, /^Too large resource version: 99999999999, current: \d+$/);
    t.like(json.details, { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 });
  }
});

test.serial('what DELETED carries is the last state, at the revision of the deletion', async (t) => {
  const path = await makeNamespace('last');
  const made = await make(path, 'one', { a: 'b' });
  const watch = await startWatch(api(), `${path}?watch=true&resourceVersion=${made.metadata.resourceVersion}`);
  await api().request('DELETE', `${path}/one`);
  const event = await watch.next();
  t.is(event?.type, 'DELETED');
  t.deepEqual(event?.object.metadata.labels, { a: 'b' });
  t.true(Number(event?.object.metadata.resourceVersion) > Number(made.metadata.resourceVersion));
  watch.close();
});

test.serial('watches come in the forms that clients ask for', async (t) => {
  const path = await makeNamespace('forms');
  const watchAs = (form: string, query = '') => startWatch(api(), `${path}?watch=true${query}`, { accept: `application/json;as=${form};v=v1;g=meta.k8s.io` });
  await make(path, 'one');
  const metadata = await watchAs('PartialObjectMetadata');
  const event = await metadata.next();
  t.like(event?.object, { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1' });
  t.false('data' in (event?.object ?? {}));
  metadata.close();
  const table = await watchAs('Table', '&includeObject=None');
  const { object } = (await table.next()) ?? { object: undefined };
  t.is(object.kind, 'Table');
  t.is(object.columnDefinitions[0].name, 'Name');
  t.is(object.rows[0].cells[0], 'one');
  table.close();
});

test.serial('a watch that ends by its time ends cleanly', async (t) => {
  const path = await makeNamespace('timed');
  const watch = await startWatch(api(), `${path}?watch=true&timeoutSeconds=1&allowWatchBookmarks=true`);
  t.is((await watch.next())?.type, 'BOOKMARK');
  t.is(await watch.next(), undefined);
});
