import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { Client, credentials } from '@grpc/grpc-js';
import test from 'ava';
import { ensureIdentity } from '../../agent/identity.ts';
import { JoinFailure } from '../../proto/joining.ts';
import { joinRoutes } from '../../controller/nodes/join.ts';
import { createNodeSigner } from '../../controller/nodes/node-certificates.ts';
import { secretKind } from '../../proto/kinds.ts';
import { nodeService } from '../../proto/node-service.ts';
import { systemClock } from '../../proto/process/clock.ts';
import { silentLog } from '../../proto/process/log.ts';
import { createAuthority, createSigningRequest, fingerprint } from '../../proto/process/tls.ts';
import { admin, identityFor, joinNode, joinToken, startAgent, startJoinServer, startPlane } from '../fixtures/node-cluster.ts';
import type { Plane } from '../fixtures/node-cluster.ts';

let plane: Plane;
let url: string;
test.before(async () => {
  plane = await startPlane();
  url = await startJoinServer(plane);
});
test.after.always(() => plane.stop());

test('a token turns a host into a node, once, with files that only their owner can read', async (t) => {
  const { dir, identity } = await joinNode(plane, url, await joinToken(plane), 'joined');
  t.is(new X509Certificate(identity.certPem).subject, 'O=system:nodes\nCN=system:node:joined');
  for (const name of ['node.key', 'node.crt', 'ca.crt']) t.is((await stat(join(dir, name))).mode & 0o777, 0o600);
  const again = await ensureIdentity({ dir, controllerUrls: ['https://127.0.0.1:1'], nodeName: 'joined', clock: systemClock });
  t.deepEqual(again, identity, 'the stored identity needs neither token nor controller');
  const agent = await startAgent(plane, { nodeName: 'joined', identity });
  await agent.welcomed.until(() => agent.welcomes.length > 0);
  await agent.stop();
});

test('a damaged certificate file is replaced by joining again', async (t) => {
  const token = await joinToken(plane);
  const { dir } = await joinNode(plane, url, token, 'damaged');
  await writeFile(join(dir, 'node.crt'), 'garbage');
  const again = await ensureIdentity({ dir, controllerUrls: [url], token, nodeName: 'damaged', clock: systemClock });
  t.is(await readFile(join(dir, 'node.crt'), 'utf8'), again.certPem);
});

test('an expired token, an unknown one and a wrong secret are refused in clear words without the secret', async (t) => {
  const expired = await joinToken(plane, -1);
  const error = await t.throwsAsync(joinNode(plane, url, expired), { instanceOf: JoinFailure });
  t.regex(error.message, /token has expired/);
  const pin = fingerprint(plane.authority.certPem);
  const good = await joinToken(plane);
  for (const token of [`abcdef.0123456789abcdef.${pin}`, `${good.slice(0, 6)}.0123456789abcdef.${pin}`, `${expired.slice(0, 6)}.0123456789abcdef.${pin}`]) {
    const refused = await t.throwsAsync(joinNode(plane, url, token), { instanceOf: JoinFailure });
    t.regex(refused.message, /not known to this cluster/);
    t.false(refused.message.includes(token.slice(7, 23)));
  }
  await t.throwsAsync(joinNode(plane, url, 'junk'), { instanceOf: JoinFailure, message: /not well formed/ });
});

test('a token that was deleted no longer joins', async (t) => {
  const token = await joinToken(plane);
  await plane.api.delete(secretKind, 'kube-system', `bootstrap-token-${token.slice(0, 6)}`, admin);
  await t.throwsAsync(joinNode(plane, url, token), { instanceOf: JoinFailure });
});

test('a token for servers joins no node', async (t) => {
  const token = await joinToken(plane, 3_600, ['server']);
  await t.throwsAsync(joinNode(plane, url, token), { instanceOf: JoinFailure, message: /not for agents/ });
});

test('a controller whose authority is not the one that the token pins is not even asked', async (t) => {
  const token = await joinToken(plane);
  const other = await createAuthority({ commonName: 'berth', days: 1 });
  const error = await t.throwsAsync(joinNode(plane, url, `${token.slice(0, 23)}.${fingerprint(other.certPem)}`), { instanceOf: JoinFailure });
  t.regex(error.message, /nothing was sent/);
});

test('what is no join request is answered with 400 or 401, never with a certificate', async (t) => {
  const [, route] = joinRoutes({ reader: plane.reader, authorityPem: plane.authority.certPem, sign: createNodeSigner(plane.authority, 3_600), clock: systemClock, log: silentLog });
  const authorization = `Bearer ${await joinToken(plane)}`;
  const { csrPem } = await createSigningRequest({ commonName: 'x' });
  const status = async (headers: Record<string, string>, body: string): Promise<number | undefined> => (await route?.handler({ headers, body: Buffer.from(body) }))?.status;
  t.is(await status({}, JSON.stringify({ nodeName: 'a', csrPem })), 401);
  t.is(await status({ authorization: 'Basic xyz' }, '{}'), 401);
  t.is(await status({ authorization }, '{'), 400);
  t.is(await status({ authorization }, 'null'), 400);
  t.is(await status({ authorization }, JSON.stringify({ nodeName: '../x', csrPem })), 400);
  t.is(await status({ authorization }, JSON.stringify({ nodeName: 'A', csrPem })), 400);
  t.is(await status({ authorization }, JSON.stringify({ nodeName: 'a', csrPem: 'junk' })), 400);
  t.is(await status({ authorization }, 'x'.repeat(20_000)), 413);
  t.is(await status({ authorization }, JSON.stringify({ nodeName: 'a', csrPem })), 200);
});

test('a foreign authority, another group and another node\'s certificate get no session', async (t) => {
  const foreign = await createAuthority({ commonName: 'berth', days: 1 });
  const agents = await Promise.all([
    startAgent(plane, { nodeName: 'evil', identity: await identityFor(plane, 'evil', foreign) }),
    startAgent(plane, { nodeName: 'evil', identity: await identityFor(plane, 'evil', plane.authority, 'system:masters') }),
    startAgent(plane, { nodeName: 'evil', identity: await identityFor(plane, 'good') }),
  ]);
  // A session that is allowed is up long after those could have been.
  const good = await startAgent(plane, { nodeName: 'good' });
  await good.welcomed.until(() => good.welcomes.length > 0);
  t.deepEqual(agents.map(({ welcomes }) => welcomes), [[], [], []]);
  t.is(plane.server.sessionCount, 1);
  t.false(plane.liveness.isAlive('evil'));
  await Promise.all([good, ...agents].map((agent) => agent.stop()));
});

test('a client without a certificate does not get past TLS', async (t) => {
  const client = new Client(`127.0.0.1:${plane.port}`, credentials.createSsl(Buffer.from(plane.authority.certPem)));
  t.teardown(() => client.close());
  const { path, requestSerialize, responseDeserialize } = nodeService.session;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  stream.on('error', () => undefined);
  stream.resume();
  stream.write({ frame: 'hello', hello: { nodeName: 'x', agentVersion: '', node: Buffer.from('{}') } });
  const code = await new Promise((resolve) => stream.on('status', (status: { code: number }) => resolve(status.code)));
  t.is(code, 14);
});

test('the temporary files of joining are gone', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'berth-identity-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await ensureIdentity({ dir, controllerUrls: [url], token: await joinToken(plane), nodeName: 'tidy', clock: systemClock });
  t.deepEqual((await readdir(dir)).sort(), ['ca.crt', 'node.crt', 'node.key']);
});
