/** Watches over HTTPS against a real etcd: nothing is lost or repeated, selectors are entered and left, the end is honoured. */
import { Agent } from 'node:https';
import test from 'ava';
import { configMapNamed, podNamed } from '../fixtures/api-objects.ts';
import { rawRequest, startApi } from '../fixtures/api-server.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { startWatch } from '../fixtures/watch-lines.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const configMaps = '/api/v1/namespaces/default/configmaps';
const mergePatch = { 'content-type': 'application/merge-patch+json' };

test.serial('a watch from a revision sees every change after it, in order', async (t) => {
  const fixture = server();
  const { request } = fixture;
  const { json: before } = await request('GET', configMaps);
  await request('POST', configMaps, { body: configMapNamed('a') });
  const watch = await startWatch(fixture, `${configMaps}?watch=true&resourceVersion=${before.metadata.resourceVersion}`);
  await request('PATCH', `${configMaps}/a`, { headers: mergePatch, body: { data: { key: 'two' } } });
  await request('POST', configMaps, { body: configMapNamed('b') });
  await request('DELETE', `${configMaps}/a`);
  t.deepEqual(await watch.names(4), ['ADDED a', 'MODIFIED a', 'ADDED b', 'DELETED a']);
  watch.close();
});

test.serial('a watch without a revision, or from 0, begins with what there is', async (t) => {
  const fixture = server();
  await fixture.request('POST', configMaps, { body: configMapNamed('a') });
  for (const query of ['watch=true', 'watch=1&resourceVersion=0', 'watch=true&resourceVersion=0&fieldSelector=metadata.name%3Da']) {
    const watch = await startWatch(fixture, `${configMaps}?${query}`);
    t.deepEqual(await watch.names(1), ['ADDED a']);
    watch.close();
  }
});

test.serial('an object that enters a selector is ADDED, one that leaves it is DELETED', async (t) => {
  const fixture = server();
  const { request } = fixture;
  const watch = await startWatch(fixture, `${configMaps}?watch=true&labelSelector=on%3Dyes`);
  const label = (value: string | null) => request('PATCH', `${configMaps}/a`, { headers: mergePatch, body: { metadata: { labels: { on: value } } } });
  await request('POST', configMaps, { body: configMapNamed('a') });
  await label('yes');
  await request('PATCH', `${configMaps}/a`, { headers: mergePatch, body: { data: { key: 'two' } } });
  const { json: left } = await label(null);
  await label('yes');
  await request('DELETE', `${configMaps}/a`);
  t.deepEqual(await watch.names(2), ['ADDED a', 'MODIFIED a']);
  const gone = await watch.next();
  t.is(gone?.type, 'DELETED');
  t.is(gone?.object.metadata.labels.on, 'yes');
  t.is(gone?.object.metadata.resourceVersion, left.metadata.resourceVersion);
  t.deepEqual(await watch.names(2), ['ADDED a', 'DELETED a']);
  watch.close();
});

test.serial('initial events end with their bookmark', async (t) => {
  const fixture = server();
  await fixture.request('POST', configMaps, { body: configMapNamed('a') });
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const watch = await startWatch(fixture, `${configMaps}?${query}`);
  t.deepEqual(await watch.names(1), ['ADDED a']);
  const mark = await watch.next();
  t.is(mark?.type, 'BOOKMARK');
  t.is(mark?.object.kind, 'ConfigMap');
  t.is(mark?.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
  watch.close();
  t.is((await fixture.request('GET', `${configMaps}?watch=true&sendInitialEvents=true`)).status, 400);
});

test.serial('bookmarks come every minute and before the end, which timeoutSeconds sets', async (t) => {
  const clock = new ManualClock();
  const fixture = await startApi(t, { clock });
  const watch = await startWatch(fixture, `${configMaps}?watch=true&allowWatchBookmarks=true&timeoutSeconds=90`);
  clock.advance(60_000);
  const first = await watch.next();
  t.is(first?.type, 'BOOKMARK');
  t.is(first?.object.metadata.resourceVersion, String(fixture.store.reader.revision));
  clock.advance(30_000);
  t.is((await watch.next())?.type, 'BOOKMARK');
  t.is(await watch.next(), undefined);
});

test.serial('a revision that is forgotten is answered with Expired', async (t) => {
  const fixture = server();
  const watch = await startWatch(fixture, `${configMaps}?watch=true&resourceVersion=1`);
  const event = await watch.next();
  const status = event?.type === 'ERROR' ? event.object : event;
  t.like(status, { kind: 'Status', code: 410, reason: 'Expired' });
  watch.close();
});

test.serial('a table watch sends tables of one row', async (t) => {
  const fixture = server();
  const watch = await startWatch(fixture, '/api/v1/pods?watch=true', { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  await fixture.request('POST', '/api/v1/namespaces/default/pods', { body: podNamed('one') });
  const event = await watch.next();
  t.is(event?.object.kind, 'Table');
  t.is(event?.object.rows[0].cells[0], 'one');
  watch.close();
});

test.serial('a client that does not read is cut off and nobody else notices', async (t) => {
  const clock = new ManualClock();
  const fixture = await startApi(t, { clock });
  const { request } = fixture;
  const slow = await startWatch(fixture, `${configMaps}?watch=true`);
  const quick = await startWatch(fixture, `${configMaps}?watch=true&fieldSelector=metadata.name%3Dlast`);
  slow.response.pause();
  const cut = new Promise((resolve) => slow.response.once('close', resolve));
  slow.response.on('error', () => undefined);
  await request('POST', configMaps, { body: configMapNamed('big') });
  const big = 'x'.repeat(900_000);
  for (let count = 0; count < 24; count += 1) {
    await request('PATCH', `${configMaps}/big`, { headers: mergePatch, body: { data: { key: `${count}${big}` } } });
  }
  clock.advance(30_000);
  slow.response.resume();
  await cut;
  await request('POST', configMaps, { body: configMapNamed('last') });
  t.deepEqual(await quick.names(1), ['ADDED last']);
  quick.close();
});

test.serial('closing the server ends watches and takes no more', async (t) => {
  const fixture = await startApi(t);
  const watch = await startWatch(fixture, `${configMaps}?watch=true`);
  await fixture.server.close();
  t.is(await watch.next(), undefined);
  await t.throwsAsync(fixture.request('GET', '/version'));
});

test.serial('a server that ends answers what still comes on idle connections, tells their clients to use others, and then takes no more', async (t) => {
  const fixture = await startApi(t);
  const { port, authority, admin } = fixture;
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca: authority.certPem, cert: admin.certPem, key: admin.keyPem });
  t.teardown(() => agent.destroy());
  const ask = (path: string) => rawRequest({ host: '127.0.0.1', port, path, agent });
  // Two connections that lie idle.
  await Promise.all([ask('/version'), ask('/version')]);
  const closing = fixture.server.close(60_000);
  const [last, watch] = await Promise.all([ask(configMaps), ask(`${configMaps}?watch=true&resourceVersion=1`)]);
  t.deepEqual([last?.status, last?.headers['connection']], [200, 'close']);
  t.deepEqual([watch?.status, watch?.headers['connection']], [200, 'close'], 'a watch ends as it begins, so that it goes on elsewhere');
  await closing;
  await t.throwsAsync(ask('/version'), { code: 'ECONNREFUSED' });
});
