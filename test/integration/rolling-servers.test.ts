/** Three servers on one etcd, each ended and replaced in turn under load: clients notice nothing, and watches miss and repeat nothing. */
import test, { type ExecutionContext } from 'ava';
import { Api } from '../../controller/api/api.ts';
import { OpenApi } from '../../controller/api/openapi.ts';
import { ApiServer } from '../../controller/api/server.ts';
import { createEtcdKv } from '../../controller/store/etcd.ts';
import { openStore } from '../../controller/store/open.ts';
import { Client } from '../../proto/client.ts';
import { configMapKind, namespaceKind, secretKind } from '../../proto/kinds.ts';
import { systemClock as clock } from '../../proto/process/clock.ts';
import { silentLog as log } from '../../proto/process/log.ts';
import { systemRandom as random } from '../../proto/process/random.ts';
import { createAuthority, issueCertificate, type KeyedCertificate } from '../../proto/process/tls.ts';
import { loadSchema } from '../../proto/schema/schema.ts';
import { noTunnels } from '../fixtures/api-server.ts';
import { startEtcd } from '../fixtures/etcd.ts';
import { eventually } from '../fixtures/eventually.ts';
import { freePorts } from '../fixtures/free-ports.ts';
import { steady } from '../fixtures/steady-load.ts';

const lingerMs = 2_000;
const version = 'v1.32.0+test';

/** A controller as far as its API goes; resolves to how it ends. */
const startServer = async (endpoint: string, port: number, authority: KeyedCertificate, tls: KeyedCertificate) => {
  const kv = createEtcdKv({ endpoints: [endpoint], clock, random, log });
  const store = await openStore({ kv, clock, random, log });
  const schema = loadSchema();
  const api = new Api({ reader: store.reader, writer: store.writer, clock, random, schema });
  const server = new ApiServer({
    api, reader: store.reader, openapi: new OpenApi({ schema, version }), tunnels: noTunnels, clock, log, version, ready: () => true,
    tls: { key: tls.keyPem, cert: tls.certPem, ca: authority.certPem },
  });
  await server.listen({ address: '127.0.0.1', port });
  return {
    api,
    async end(): Promise<void> {
      await server.close(lingerMs);
      store.close();
      await kv.close();
    },
  };
};

/** Names that a watch sees, as they come. */
const watchNames = (t: ExecutionContext, client: Client, kind: typeof configMapKind, resourceVersion: string) => {
  const over = new AbortController();
  const seen: string[] = [];
  const running = (async (): Promise<void> => {
    for await (const { type, object } of client.watch(kind, { namespace: 'default' }, resourceVersion, over.signal)) seen.push(`${type} ${object.metadata.name}`);
  })();
  running.catch((error: unknown) => t.log(error));
  return {
    seen,
    stop: (): Promise<void> => {
      over.abort();
      return running;
    },
  };
};

test('servers are replaced in turn under load: no request fails, and no change is missed or seen twice', async (t) => {
  const etcd = await startEtcd({ fast: true });
  t.teardown(() => etcd.stop());
  const authority = await createAuthority({ commonName: 'test', days: 1 });
  const tls = await issueCertificate(authority, { commonName: 'server', ipAddresses: ['127.0.0.1'], usages: ['server'], days: 1 });
  const admin = await issueCertificate(authority, { commonName: 'admin', organizations: ['system:masters'], usages: ['client'], days: 1 });
  const ports = await freePorts(3);
  const start = (port: number) => startServer(etcd.endpoint, port, authority, tls);
  const servers: Awaited<ReturnType<typeof start>>[] = [];
  for (const port of ports) servers.push(await start(port));
  t.teardown(() => Promise.all(servers.map((server) => server.end())));
  const options = { user: { name: 'admin', groups: ['system:masters'] }, fieldManager: 'test' };
  await servers[0]?.api.create(namespaceKind, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } }, options);
  const urls = ports.map((port) => `https://127.0.0.1:${port}`);
  const clients = [0, 1, 2, 3].map(() => new Client({ server: urls[0] ?? '', servers: urls, ca: authority.certPem, cert: admin.certPem, key: admin.keyPem }, clock));
  t.teardown(() => clients.forEach((client) => client.close()));
  const [reader, writer, watcher, idler] = clients as [Client, Client, Client, Client];
  const { resourceVersion } = await watcher.list(configMapKind, { namespace: 'default' });
  const busy = watchNames(t, watcher, configMapKind, resourceVersion);
  // Of a kind in which nothing happens: its position moves by bookmarks alone.
  const idle = watchNames(t, idler, secretKind, resourceVersion);
  let written = 0;
  const loads = [
    steady(() => reader.list(configMapKind, { namespace: 'default' }), 5),
    steady(() => writer.create(configMapKind, 'default', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `c-${written++}` } }), 5),
  ];
  for (const [at, port] of ports.entries()) {
    await eventually('writes go on', async () => (written > (at + 1) * 20 ? true : undefined));
    await servers[at]?.end();
    servers[at] = await start(port);
  }
  for (const load of loads) await load.stop();
  t.deepEqual(loads.flatMap(({ failures }) => failures), []);
  await writer.create(secretKind, 'default', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'last' } });
  await eventually('both watches have seen the last change', async () => (busy.seen.length >= written && idle.seen.length > 0 ? true : undefined)).catch((error: Error) => t.log(error.message));
  t.deepEqual(busy.seen, Array.from({ length: written }, (_, at) => `ADDED c-${at}`));
  t.deepEqual(idle.seen, ['ADDED last']);
  await Promise.all([busy.stop(), idle.stop()]);
});
