/** What clients get wrong, by accident or on purpose: a clear error with the right status, nothing stored by halves, nobody else disturbed. */
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import test from 'ava';
import { createAuthority, issueCertificate } from '../../proto/process/tls.ts';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import type { ApiFixture } from '../fixtures/api-server.ts';
import { sharedApi } from './conformance-server.ts';

const server = sharedApi(test, { emptied: true });

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const deployments = '/apis/apps/v1/namespaces/default/deployments';

/** A bare TLS connection of the administrator. */
const dial = async ({ port, authority, admin }: ApiFixture): Promise<TLSSocket> => {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certPem, key: admin.keyPem, cert: admin.certPem });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
};

const closed = (socket: TLSSocket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve).resume());

const healthy = async ({ request }: ApiFixture): Promise<boolean> => (await request('GET', configMaps)).status === 200;

test.serial('bodies that are no objects are refused', async (t) => {
  const { request } = server();
  const post = (body: unknown, headers?: Record<string, string>) => request('POST', configMaps, { body, ...(headers ? { headers } : {}) });
  const bad: [unknown, number][] = [
    ['{"kind":', 400], ['', 400], ['[]', 400], ['null', 400], ['"text"', 400], ['{"metadata":"text"}', 400], ['{"metadata":{"name":5}}', 400],
    [podNamed('a'), 400], [{ ...configMapNamed('a'), apiVersion: 'v2' }, 400], [configMapNamed('Bad_Name'), 422], [{ data: {} }, 422],
    [configMapNamed('x'.repeat(300)), 422], [{ ...configMapNamed('a'), metadata: { name: 'a', namespace: 'other' } }, 400],
    [{ ...configMapNamed('a'), metadata: { name: 'a', resourceVersion: '7' } }, 400],
  ];
  for (const [body, status] of bad) {
    const answer = await post(body);
    t.is(answer.status, status, JSON.stringify(body).slice(0, 80));
    t.is(answer.json.kind, 'Status');
    t.truthy(answer.json.message);
  }
  t.is((await post('<xml/>', { 'content-type': 'text/xml' })).status, 415);
  t.is((await post('a: [b', { 'content-type': 'application/yaml' })).status, 400);
  t.is((await post(`${'['.repeat(100_000)}${']'.repeat(100_000)}`)).status, 400);
  t.deepEqual((await request('GET', configMaps)).json.items, []);
});

test.serial('workloads that contradict themselves are refused with the field that is wrong', async (t) => {
  const { request } = server();
  const broken = async (change: (spec: any) => void): Promise<{ code: number; fields: string[] }> => { // oxlint-disable-line no-explicit-any
    const body = deploymentNamed('web') as { spec: unknown };
    change(body.spec);
    const { json } = await request('POST', deployments, { body });
    return { code: json.code, fields: (json.details?.causes ?? []).map(({ field }: { field: string }) => field) };
  };
  t.deepEqual(await broken((spec) => { spec.replicas = -1; }), { code: 422, fields: ['spec.replicas'] });
  t.deepEqual(await broken((spec) => { spec.template.metadata.labels = { app: 'other' }; }), { code: 422, fields: ['spec.template.metadata.labels'] });
  const mount = await broken((spec) => { spec.template.spec.containers[0].volumeMounts = [{ name: 'gone', mountPath: '/x' }]; });
  t.deepEqual(mount, { code: 422, fields: ['spec.template.spec.containers[0].volumeMounts[0].name'] });
  t.is((await broken((spec) => { spec.replicas = 'three'; })).code, 400);
  t.deepEqual((await request('GET', deployments)).json.items, []);
});

test.serial('a body of 5 MB is answered with 413 and the server goes on', async (t) => {
  const fixture = server();
  const answer = await fixture.request('POST', configMaps, { body: configMapNamed('big', { key: 'x'.repeat(5_000_000) }) });
  t.is(answer.status, 413);
  t.is(answer.json.reason, 'RequestEntityTooLarge');
  t.true(await healthy(fixture));
});

test.serial('paths and queries that make no sense are refused', async (t) => {
  const { request } = server();
  const expectations: [string, string, number][] = [
    ['GET', '/api/v1/nothing', 404], ['GET', '/nothing', 404], ['GET', '/api/v1/namespaces/default/pods/a/b/c', 404],
    ['GET', `${configMaps}/${'n'.repeat(300)}`, 404], ['GET', `${configMaps}/a%2fb`, 404], ['GET', '/api/v1/namespaces/../secrets', 404],
    ['GET', `${configMaps}/%2e%2e`, 404], ['GET', `${configMaps}/%zz`, 400], ['GET', `${configMaps}/a%00b`, 404],
    ['GET', '/api/v1/pods/one', 404], ['GET', '/apis/apps/v1/namespaces/default/deployments/web/log', 404],
    ['GET', `${configMaps}?limit=-1`, 400], ['GET', `${configMaps}?limit=many`, 400], ['GET', `${configMaps}?resourceVersion=x`, 400],
    ['GET', `${configMaps}?watch=perhaps`, 400], ['GET', `${configMaps}?resourceVersionMatch=Exact`, 400],
    ['GET', `${configMaps}?watch=true&timeoutSeconds=soon`, 400], ['GET', `${pods}?fieldSelector=nothing`, 400],
    ['PUT', configMaps, 405], ['POST', `${configMaps}/a`, 405], ['PATCH', configMaps, 405], ['OPTIONS', configMaps, 405],
    ['POST', '/api/v1/configmaps', 405], ['POST', '/version', 405], ['DELETE', `${configMaps}/gone`, 404],
  ];
  for (const [method, path, status] of expectations) {
    const answer = await request(method, path);
    t.is(answer.status, status, `${method} ${path.slice(0, 80)}`);
    t.like(answer.json, { kind: 'Status', status: 'Failure', code: status });
  }
  t.is((await request('GET', configMaps, { headers: { accept: 'text/html' } })).status, 406);
  t.is((await request('GET', `${configMaps}?${'x'.repeat(100_000)}`)).status, 400);
  const head = await request('HEAD', configMaps);
  t.is(head.status, 200);
  t.is(head.bytes.length, 0);
});

test.serial('without a certificate there is the version and the health, and no more', async (t) => {
  const { request } = server();
  for (const path of ['/version', '/healthz', '/livez', '/readyz']) t.is((await request('GET', path, { as: null })).status, 200);
  for (const path of [configMaps, '/api', '/metrics', '/openapi/v3', '/nothing']) {
    const answer = await request('GET', path, { as: null });
    t.is(answer.status, 401);
    t.is(answer.json.reason, 'Unauthorized');
  }
  t.is((await request('GET', configMaps, { as: null, headers: { authorization: 'Bearer abc' } })).status, 401);
});

test.serial('a certificate of a foreign authority, or an expired one, is no identity', async (t) => {
  const fixture = server();
  const foreign = await createAuthority({ commonName: 'test-ca', days: 1 });
  const subject = { commonName: 'admin', organizations: ['system:masters'], usages: ['client'] as const };
  const intruder = await issueCertificate(foreign, { ...subject, days: 1 });
  const expired = await issueCertificate(fixture.authority, { ...subject, days: -1 });
  for (const as of [intruder, expired]) {
    const answer = await fixture.request('GET', configMaps, { as });
    t.is(answer.status, 401);
    t.is(answer.json.reason, 'Unauthorized');
  }
});

test.serial('a known user without rights may look at what the server is and no further', async (t) => {
  const { request, certificateFor } = server();
  const bob = await certificateFor('bob', ['team']);
  t.is((await request('GET', '/apis', { as: bob })).status, 200);
  const refused = await request('GET', pods, { as: bob });
  t.is(refused.status, 403);
  t.is(refused.json.message, 'pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "default"');
  t.is((await request('GET', '/metrics', { as: bob })).status, 403);
  const asBob = { 'impersonate-user': 'bob' };
  t.is((await request('GET', pods, { headers: asBob })).status, 403);
  t.is((await request('GET', '/version', { as: bob, headers: { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' } })).status, 403);
});

test.serial('what is not HTTP is answered and closed', async (t) => {
  const fixture = server();
  const socket = await dial(fixture);
  socket.write('SSH-2.0-OpenSSH\r\n\r\n');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await closed(socket);
  t.regex(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 [\s\S]*"kind":"Status"/);
  t.true(await healthy(fixture));
});

test.serial('a request that ends in the middle stores nothing', async (t) => {
  const fixture = server();
  const socket = await dial(fixture);
  socket.write(`POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"metadata":{"name":"half"}`);
  socket.end();
  await closed(socket);
  t.is((await fixture.request('GET', `${configMaps}/half`)).status, 404);
  t.true(await healthy(fixture));
});

test.serial('clients that vanish during an answer harm nobody', async (t) => {
  const fixture = server();
  await fixture.request('POST', configMaps, { body: configMapNamed('big', { key: 'x'.repeat(500_000) }) });
  for (let count = 0; count < 5; count += 1) {
    const socket = await dial(fixture);
    socket.write(`GET ${configMaps}${count % 2 ? '?watch=true' : ''} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'readable');
    socket.destroy();
  }
  t.true(await healthy(fixture));
});

test.serial('prototype keys in a body are data, not code', async (t) => {
  const { request } = server();
  const body = '{"metadata":{"name":"proto","labels":{"__proto__":"x"}},"data":{"constructor":"y"},"__proto__":{"polluted":true}}';
  await request('POST', configMaps, { body });
  t.is(({} as { polluted?: boolean }).polluted, undefined);
  t.true([201, 422].includes((await request('POST', configMaps, { body: '{"metadata":{"name":"c"},"data":{"constructor":"y"}}' })).status));
});
