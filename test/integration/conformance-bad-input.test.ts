/**
 * Everything that clients send wrong, while another client watches and writes: each gets its status, nothing of it is stored,
 * and the other client sees neither an error nor a gap.
 */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { requestTimeoutMs } from '../../controller/limits.ts';
import { kinds } from '../../proto/kinds.ts';
import { createAuthority, issueCertificate } from '../../proto/process/tls.ts';
import { configMapNamed, deploymentNamed, podNamed } from '../fixtures/api-objects.ts';
import type { ApiFixture, RawAnswer } from '../fixtures/api-server.ts';
import { startWatch, type WatchLines } from '../fixtures/watch-lines.ts';
import { sharedApi } from './conformance-server.ts';

const api = sharedApi(test);

const configMaps = '/api/v1/namespaces/default/configmaps';
const pods = '/api/v1/namespaces/default/pods';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const witnessed = '/api/v1/namespaces/kube-public/configmaps';
const yaml = { 'content-type': 'application/yaml' };
const mergePatch = { 'content-type': 'application/merge-patch+json' };
const jsonPatch = { 'content-type': 'application/json-patch+json' };

/** The client that must not notice: it writes one object after the other and watches them come. */
interface Witness {
  readonly watch: WatchLines;
  readonly writing: Promise<number>;
  stop(): void;
}

let witness: Witness | undefined;

const startWitness = async (fixture: ApiFixture): Promise<Witness> => {
  const watch = await startWatch(fixture, `${witnessed}?watch=true`);
  let ended = false;
  const write = async (): Promise<number> => {
    let count = 0;
    while (!ended) {
      const { status, text } = await fixture.request('POST', witnessed, { body: configMapNamed(`write-${count}`) });
      if (status !== 201) throw new Error(`write ${count} was answered with ${status}: ${text}`);
      count += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return count;
  };
  return { watch, writing: write(), stop: () => void (ended = true) };
};

test.serial.before(async () => {
  witness = await startWitness(api());
  witness.writing.catch(() => undefined);
});

/** What is stored besides the witness's own, by key and revision. */
const contents = async (): Promise<string[]> => {
  const { store } = api();
  await store.reader.current();
  return kinds
    .flatMap((kind) => store.reader.list(kind))
    .filter(({ key }) => !key.startsWith('kube-public/write-'))
    .map(({ kind, key, revision }) => `${kind.kind} ${key} ${revision}`);
};

interface Wrong {
  readonly what: string;
  readonly send: (fixture: ApiFixture) => Promise<RawAnswer>;
  readonly status: number;
  readonly message?: RegExp;
}

const isRefused = async (t: ExecutionContext, wrongs: readonly Wrong[]): Promise<void> => {
  const before = await contents();
  for (const { what, send, status, message } of wrongs) {
    const answer = await send(api());
    t.is(answer.status, status, `${what}: ${answer.text.slice(0, 300)}`);
    t.like(answer.json, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status }, what);
    t.regex(answer.json.message, message ?? /./, what);
    t.true(answer.bytes.length < 64 * 1024, `${what}: an answer of ${answer.bytes.length} bytes`);
  }
  t.deepEqual(await contents(), before);
};

const post = (path: string, body: unknown, headers?: Record<string, string>): Wrong['send'] => ({ request }) =>
  request('POST', path, { body, ...(headers ? { headers } : {}) });
const patch = (path: string, headers: Record<string, string>, body: unknown): Wrong['send'] => ({ request }) =>
  request('PATCH', path, { headers, body });
const get = (path: string): Wrong['send'] => ({ request }) => request('GET', path);

const spec = (change: object): object => ({
  ...deploymentNamed('bad'),
  spec: { ...(deploymentNamed('bad')['spec'] as object), ...change },
});
const podWith = (change: object): object => podNamed('bad', { spec: { containers: [{ name: 'main', image: 'x' }], ...change } });
const container = (change: object): object => podWith({ containers: [{ name: 'main', image: 'x', ...change }] });

test.serial('text that is no JSON, no YAML, or no object', (t) =>
  isRefused(t, [
    { what: 'broken JSON', send: post(configMaps, '{"metadata":{"name":"bad"},}'), status: 400, message: /position 27/ },
    { what: 'half an object', send: post(configMaps, '{"metadata":{"name":"bad"}'), status: 400, message: /ends too early/ },
    { what: 'nothing', send: post(configMaps, ''), status: 400 },
    { what: 'a byte order mark', send: post(configMaps, '\ufeff{"metadata":{"name":"bad"}}'), status: 400 },
    { what: 'a list', send: post(configMaps, '[{"metadata":{"name":"bad"}}]'), status: 400 },
    { what: 'broken YAML', send: post(configMaps, 'metadata:\n\tname: bad', yaml), status: 400, message: /position/ },
    { what: 'two YAML documents', send: post(configMaps, 'metadata: {name: bad}\n---\n{}', yaml), status: 400, message: /more than one/ },
    { what: 'YAML that contains itself', send: post(configMaps, 'metadata: {name: bad, managedFields: [{fieldsV1: &a {b: *a}}]}', yaml), status: 400 },
    { what: 'a YAML tag of a language', send: post(configMaps, 'metadata: {name: bad}\ndata: !!js/function "x"', yaml), status: 400 },
    { what: 'binary rubbish', send: post(configMaps, Buffer.from([0, 1, 255, 254])), status: 400 },
    { what: 'invalid UTF-8', send: post(configMaps, Buffer.from('{"metadata":{"name":"\xff"}}', 'latin1')), status: 422 },
    { what: 'rubbish as protobuf', send: post(configMaps, 'rubbish', { 'content-type': 'application/vnd.kubernetes.protobuf' }), status: 400 },
    { what: 'a form', send: post(configMaps, 'a=b', { 'content-type': 'application/x-www-form-urlencoded' }), status: 415 },
  ]));

test.serial('bombs: depth, aliases, size, and errors by the thousand', (t) => {
  const deep = `{"metadata":{"name":"bad"},"data":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`;
  const aliases = ['a: &a0 [x]', ...Array.from({ length: 12 }, (_, at) => `b${at}: &a${at + 1} [${`*a${at},`.repeat(9)}]`)].join('\n');
  const many = (count: number, entry: (at: number) => [string, unknown]): object => Object.fromEntries(Array.from({ length: count }, (_, at) => entry(at)));
  const unknown = many(500, (at) => [`unknown${at}`, 1]);
  return isRefused(t, [
    { what: 'JSON of 100,000 levels', send: post(configMaps, deep), status: 400, message: /nested deeper/ },
    { what: 'JSON that only opens', send: post(configMaps, '['.repeat(1_000_000)), status: 400, message: /nested deeper/ },
    { what: 'YAML of many levels', send: post(configMaps, `data: ${'['.repeat(50_000)}`, yaml), status: 400 },
    { what: 'YAML aliases of aliases', send: post(configMaps, `metadata: {name: bad}\n${aliases}`, yaml), status: 400, message: /aliases/ },
    { what: 'a body of 5 MB', send: post(configMaps, configMapNamed('bad', { key: 'x'.repeat(5_000_000) })), status: 413 },
    { what: 'an object of 2 MB', send: post(configMaps, configMapNamed('bad', { key: 'x'.repeat(2_000_000) })), status: 422 },
    { what: 'a name of 300 characters', send: post(configMaps, configMapNamed('n'.repeat(300))), status: 422, message: /no more than 253/ },
    { what: '10,000 bad labels', send: post(configMaps, { metadata: { name: 'bad', labels: many(10_000, (at) => [`_${at}!`, 'v']) } }), status: 422 },
    { what: 'a wrong type behind 500 unknown fields', send: post(configMaps, { metadata: { name: 'bad' }, ...unknown, data: 5 }), status: 400 },
    {
      what: 'thousands of mounts without volumes', status: 422,
      send: post(pods, container({ volumeMounts: Array.from({ length: 5_000 }, (_, at) => ({ name: `v${at}`, mountPath: `/${at}` })) })),
    },
    {
      what: 'a JSON patch that doubles the object', status: 413,
      send: patch('/api/v1/namespaces/default', jsonPatch, Array.from({ length: 40 }, (_, at) => ({ op: 'copy', from: '', path: `/x${at}` }))),
    },
  ]);
});

test.serial('fields that are unknown, of the wrong type or contradict each other', (t) =>
  isRefused(t, [
    { what: 'an unknown field', send: post(`${deployments}?fieldValidation=Strict`, spec({ replicaz: 1 })), status: 400, message: /unknown field "spec\.replicaz"/ },
    { what: 'a field twice', send: post(`${configMaps}?fieldValidation=Strict`, '{"metadata":{"name":"bad"},"data":{"a":"1","a":"2"}}'), status: 400, message: /duplicate field "data\.a"/ },
    { what: 'an unknown kind', send: post('/apis/apps/v1/namespaces/default/gadgets', {}), status: 404 },
    { what: 'a kind at another\'s address', send: post(deployments, podNamed('bad')), status: 400 },
    { what: 'replicas as text', send: post(deployments, spec({ replicas: 'three' })), status: 400, message: /spec\.replicas of type int32/ },
    { what: 'replicas below 0', send: post(deployments, spec({ replicas: -1 })), status: 422, message: /spec\.replicas: Invalid value: -1/ },
    { what: 'replicas beyond an int32', send: post(deployments, spec({ replicas: 2 ** 31 })), status: 400 },
    { what: 'a number that no int64 holds', send: post(pods, podWith({ terminationGracePeriodSeconds: 2 ** 63 })), status: 400 },
    { what: 'a selector that does not match', send: post(deployments, spec({ selector: { matchLabels: { app: 'other' } } })), status: 422, message: /`selector` does not match/ },
    { what: 'no selector', send: post(deployments, spec({ selector: null })), status: 422, message: /spec\.selector: Required/ },
    {
      what: 'a mount without its volume', send: post(pods, container({ volumeMounts: [{ name: 'gone', mountPath: '/x' }] })), status: 422,
      message: /spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "gone"/,
    },
    { what: 'two containers of one name', send: post(pods, podWith({ containers: [{ name: 'a', image: 'x' }, { name: 'a', image: 'x' }] })), status: 422, message: /containers\[1\]\.name: Duplicate/ },
    { what: 'a port of 70000', send: post(pods, container({ ports: [{ containerPort: 70_000 }] })), status: 422, message: /between 1 and 65535/ },
    { what: 'a quantity in words', send: post(pods, container({ resources: { limits: { cpu: 'much' } } })), status: 400 },
    { what: 'requests above limits', send: post(pods, container({ resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } })), status: 422, message: /must be less than or equal to cpu limit/ },
    { what: 'an unknown policy', send: post(pods, podWith({ restartPolicy: 'Sometimes' })), status: 422, message: /Unsupported value: "Sometimes"/ },
    { what: 'a day that no month has', send: post('/api/v1/namespaces/default/events', { metadata: { name: 'bad' }, involvedObject: { namespace: 'default' }, lastTimestamp: '2026-02-30T00:00:00Z' }), status: 400 },
    { what: 'a MicroTime without micros', send: post('/apis/coordination.k8s.io/v1/namespaces/default/leases', { metadata: { name: 'bad' }, spec: { renewTime: '2026-01-01T00:00:00Z' } }), status: 400 },
    { what: 'no name', send: post(configMaps, { data: {} }), status: 422, message: /name or generateName is required/ },
    { what: 'another namespace than the address', send: post(configMaps, { metadata: { name: 'bad', namespace: 'other' } }), status: 400 },
    { what: 'a service account that is not there', send: post(pods, podWith({ serviceAccountName: 'nobody' })), status: 403, message: /error looking up service account default\/nobody: serviceaccount "nobody" not found/ },
    { what: 'huge pages alone', send: post(pods, container({ resources: { limits: { 'hugepages-2Mi': '4Mi' } } })), status: 422, message: /resources: Forbidden: HugePages require cpu or memory/ },
    { what: 'a subnet that is none', send: post('/api/v1/nodes', { metadata: { name: 'bad' }, spec: { podCIDR: '10.0.0.0' } }), status: 422, message: /spec\.podCIDRs\[0\]: Invalid value: "10\.0\.0\.0": must be a valid CIDR/ },
    { what: 'a namespace that is not there', send: post('/api/v1/namespaces/nowhere/pods', podNamed('bad')), status: 404, message: /namespaces "nowhere" not found/ },
    { what: 'a revision at birth', send: post(configMaps, { metadata: { name: 'bad', resourceVersion: '5' } }), status: 400 },
  ]));

test.serial('patches that cannot be applied', async (t) => {
  const { request } = api();
  await request('POST', configMaps, { body: configMapNamed('patched') });
  const one = `${configMaps}/patched`;
  await isRefused(t, [
    { what: 'server-side apply', send: patch(one, { 'content-type': 'application/apply-patch+yaml' }, '{}'), status: 415, message: /server-side apply/i },
    { what: 'plain JSON', send: patch(one, { 'content-type': 'application/json' }, '{}'), status: 415 },
    { what: 'no patch', send: patch(one, mergePatch, 'null'), status: 400 },
    { what: 'a JSON patch that is an object', send: patch(one, jsonPatch, '{}'), status: 400 },
    { what: 'an operation that there is not', send: patch(one, jsonPatch, [{ op: 'explode', path: '/data' }]), status: 400 },
    { what: 'a path that there is not', send: patch(one, jsonPatch, [{ op: 'remove', path: '/nothing' }]), status: 422 },
    { what: 'a test that fails', send: patch(one, jsonPatch, [{ op: 'test', path: '/data/key', value: 'other' }]), status: 422 },
    { what: 'a way to the prototype', send: patch(one, jsonPatch, [{ op: 'add', path: '/__proto__/polluted', value: true }]), status: 422, message: /^(?!.*banPrototype)/ },
    { what: 'metadata away', send: patch(one, mergePatch, { metadata: null }), status: 400 },
    { what: 'another name', send: patch(one, mergePatch, { metadata: { name: 'other' } }), status: 400 },
    { what: 'another kind', send: patch(one, mergePatch, { kind: 'Secret' }), status: 400 },
    { what: 'a stale revision', send: patch(one, mergePatch, { metadata: { resourceVersion: '1' }, data: { a: 'b' } }), status: 409 },
    { what: 'a wrong type', send: patch(one, mergePatch, { data: 'x' }), status: 400 },
    { what: 'an unknown field', send: patch(`${one}?fieldValidation=Strict`, mergePatch, { nothing: 1 }), status: 400 },
    { what: 'an unknown directive', send: patch(one, { 'content-type': 'application/strategic-merge-patch+json' }, { data: { $patch: 'explode' } }), status: 400 },
    { what: 'an object that is not there', send: patch(`${configMaps}/gone`, mergePatch, {}), status: 404 },
  ]);
  t.is(({} as { polluted?: boolean }).polluted, undefined);
});

test.serial('addresses and queries that are absurd', (t) =>
  isRefused(t, [
    { what: 'a negative limit', send: get(`${pods}?limit=-1`), status: 400 },
    { what: 'a limit beyond all numbers', send: get(`${pods}?limit=${'9'.repeat(40)}`), status: 400 },
    { what: 'a revision in words', send: get(`${pods}?resourceVersion=latest`), status: 400 },
    { what: 'a match that there is not', send: get(`${pods}?resourceVersion=1&resourceVersionMatch=Roughly`), status: 400 },
    { what: 'initial events of a list', send: get(`${pods}?sendInitialEvents=true`), status: 400 },
    { what: 'a token that is none', send: get(`${pods}?continue=%00%ff`), status: 400 },
    { what: 'an unbalanced selector', send: get(`${pods}?labelSelector=(((`), status: 400 },
    { what: 'an unknown field selector', send: get(`${pods}?fieldSelector=spec.nothing%3Da`), status: 400 },
    { what: 'a broken escape', send: get(`${pods}/%zz`), status: 400 },
    { what: 'a way up', send: get('/api/v1/namespaces/default/../../../etc/passwd'), status: 404 },
    { what: 'a NUL', send: get(`${pods}/a%00b`), status: 404 },
    { what: 'an unknown validation', send: post(`${configMaps}?fieldValidation=Maybe`, configMapNamed('bad')), status: 400 },
    { what: 'an empty dry run', send: post(`${configMaps}?dryRun=`, configMapNamed('bad')), status: 400 },
    { what: 'two dry runs, one unknown', send: post(`${configMaps}?dryRun=All&dryRun=Some`, configMapNamed('bad')), status: 400 },
    { what: 'an unprintable manager', send: post(`${configMaps}?fieldManager=%07`, configMapNamed('bad')), status: 400 },
    { what: 'DELETE with another kind', send: ({ request }) => request('DELETE', `${configMaps}/patched`, { body: podNamed('bad') }), status: 400 },
    { what: 'DELETE with an unknown policy', send: ({ request }) => request('DELETE', `${configMaps}/patched?propagationPolicy=Sideways`), status: 400 },
    { what: 'DELETE with two policies', send: ({ request }) => request('DELETE', `${configMaps}/patched`, { body: { orphanDependents: false, propagationPolicy: 'Background' } }), status: 422, message: /propagationPolicy: Invalid value: "Background": orphanDependents and deletionPropagation cannot be both set/ },
    { what: 'DELETE with a grace in words', send: ({ request }) => request('DELETE', `${configMaps}/patched?gracePeriodSeconds=soon`), status: 400 },
    { what: 'DELETE of all namespaces', send: ({ request }) => request('DELETE', '/api/v1/namespaces'), status: 405 },
    { what: 'DELETE across all namespaces', send: ({ request }) => request('DELETE', '/api/v1/configmaps'), status: 405 },
    { what: 'POST to an object', send: post(`${configMaps}/patched`, {}), status: 405 },
    { what: 'a form that the server does not speak', send: ({ request }) => request('GET', pods, { headers: { accept: 'text/html' } }), status: 406 },
  ]));

test.serial('strangers: no certificate, a foreign or an expired one, a made-up token', async (t) => {
  const { authority } = api();
  const subject = { commonName: 'admin', organizations: ['system:masters'], usages: ['client'] as const };
  const foreign = await issueCertificate(await createAuthority({ commonName: 'test-ca', days: 1 }), { ...subject, days: 1 });
  const expired = await issueCertificate(authority, { ...subject, days: -1 });
  const serving = await issueCertificate(authority, { ...subject, usages: ['server'], days: 1 });
  const write = (options: object): Wrong['send'] => ({ request }) => request('POST', configMaps, { body: configMapNamed('bad'), ...options });
  await isRefused(t, [
    { what: 'nobody', send: write({ as: null }), status: 401 },
    { what: 'a foreign authority', send: write({ as: foreign }), status: 401 },
    { what: 'an expired certificate', send: write({ as: expired }), status: 401 },
    { what: 'a server\'s certificate', send: write({ as: serving }), status: 401 },
    { what: 'a made-up token', send: write({ as: null, headers: { authorization: 'Bearer made-up' } }), status: 401 },
  ]);
});

const dial = async (certified = true): Promise<TLSSocket> => {
  const { port, authority, admin } = api();
  const identity = certified ? { key: admin.keyPem, cert: admin.certPem } : {};
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certPem, ...identity });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
};

/** All that comes until the other side closes. */
const rest = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket.once('close', () => resolve(text));
  });

test.serial('connections that are cut, plain, or say nothing that is HTTP', async (t) => {
  const before = await contents();
  const head = `POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n`;
  const half = await dial();
  half.end(`${head}Content-Length: 1000\r\n\r\n{"metadata":{"name":"bad"},"data":{`);
  await rest(half);
  const reset = await dial();
  reset.write(`${head}Content-Length: 1000\r\n\r\n{"metadata":{"name":"bad"}`);
  reset.destroy();
  const chunked = await dial();
  chunked.write(`${head}Transfer-Encoding: chunked\r\n\r\nnonsense\r\n`);
  t.regex(await rest(chunked), /^HTTP\/1\.1 400 /);
  const smuggled = await dial();
  smuggled.write(`${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`);
  t.regex(await rest(smuggled), /^HTTP\/1\.1 400 /);
  const ssh = await dial();
  ssh.write('SSH-2.0-OpenSSH\r\n\r\n');
  t.regex(await rest(ssh), /^HTTP\/1\.1 400 [\s\S]*"kind":"Status"/);
  const plain = connectPlain(api().port, '127.0.0.1');
  plain.on('error', () => undefined);
  plain.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n');
  t.regex(await rest(plain), /^HTTP\/1\.1 400 [\s\S]*HTTP request to an HTTPS server/);
  const rubbish = connectPlain(api().port, '127.0.0.1');
  rubbish.on('error', () => undefined);
  rubbish.write('\x16\x03\x01 no handshake at all');
  rubbish.end();
  await rest(rubbish);
  t.deepEqual(await contents(), before);
});

test.serial('a body without end is answered while it comes, and then cut off', async (t) => {
  const before = await contents();
  const socket = await dial();
  const answered = rest(socket);
  const piece = Buffer.alloc(2 ** 20, 'x');
  let sent = 0;
  const startMs = performance.now();
  socket.write(`POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${2 ** 40}\r\n\r\n`);
  while (!socket.destroyed) {
    sent += piece.length;
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), answered]);
  }
  t.regex(await answered, /^HTTP\/1\.1 413 [\s\S]*"reason":"RequestEntityTooLarge"/);
  t.true(sent < 2 ** 28, `${sent} bytes`);
  t.true(performance.now() - startMs < requestTimeoutMs, 'for its length, not for its time');
  t.deepEqual(await contents(), before);
});

test.serial('slow clients and a thousand watches keep nobody waiting', async (t) => {
  const fixture = api();
  const slow = await Promise.all(Array.from({ length: 20 }, () => dial()));
  for (const socket of slow) socket.write(`POST ${configMaps} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`);
  const watches: WatchLines[] = [];
  for (let batch = 0; batch < 4; batch += 1) {
    watches.push(...(await Promise.all(Array.from({ length: 50 }, () => startWatch(fixture, `${pods}?watch=true`)))));
  }
  t.is((await fixture.request('GET', pods)).status, 200);
  for (const watch of watches) watch.close();
  for (const socket of slow) socket.destroy();
});

test.serial('names that JavaScript knows are data like any other', async (t) => {
  const { request } = api();
  const names = ['constructor', 'toString', 'hasOwnProperty', '__proto__'];
  const data = `{${names.map((name) => `${JSON.stringify(name)}:"v"`).join(',')}}`;
  const created = await request('POST', configMaps, { body: `{"metadata":{"name":"names"},"__proto__":{"polluted":true},"data":${data}}` });
  t.is(created.status, 201);
  t.deepEqual(Object.keys(created.json.data).toSorted(), names.toSorted());
  const patched = await request('PATCH', `${configMaps}/names`, { headers: mergePatch, body: '{"data":{"__proto__":"w","constructor":null}}' });
  t.deepEqual(Object.entries(patched.json.data).toSorted(), [['__proto__', 'w'], ['hasOwnProperty', 'v'], ['toString', 'v']]);
  t.is(({} as { polluted?: boolean }).polluted, undefined);
  await request('POST', configMaps, { body: configMapNamed('constructor') });
  t.is((await request('GET', `${configMaps}/constructor`)).json.metadata.name, 'constructor');
  const removed = await request('PATCH', `${configMaps}/names`, { headers: mergePatch, body: { data: { toString: null } } });
  t.deepEqual(Object.keys(removed.json.data).toSorted(), ['__proto__', 'hasOwnProperty']);
  t.is((await request('GET', `${configMaps}?labelSelector=constructor`)).json.items.length, 0);
  t.is((await request('GET', '/api/v1/namespaces/constructor/configmaps/__proto__')).status, 404);
  t.is((await request('GET', '/apis/__proto__/constructor/toString')).status, 404);
});

test.serial('meanwhile, the other client saw neither an error nor a gap', async (t) => {
  const fixture = api();
  witness?.stop();
  const count = (await witness?.writing) ?? 0;
  t.true(count > 20, `${count} writes`);
  const seen: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const event = await witness?.watch.next();
    seen.push(`${event?.type} ${event?.object.metadata.name}`);
  }
  t.deepEqual(seen, Array.from({ length: count }, (_, at) => `ADDED write-${at}`));
  witness?.watch.close();
  t.is((await fixture.request('GET', '/readyz')).status, 200);
});
