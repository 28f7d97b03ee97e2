/** A client with several servers: which requests go on to the next, and which are not sent a second time. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import anyTest, { type ExecutionContext, type TestFn } from 'ava';
import { WebSocketServer } from 'ws';
import { openContext } from '../../cli/context.ts';
import { mergeKubeconfig } from '../../cli/local/kubeconfig-merge.ts';
import { Client, ConnectionError } from '../../proto/client.ts';
import { configMapKind } from '../../proto/kinds.ts';
import { systemClock, type Timer } from '../../proto/process/clock.ts';
import { connectTimeoutMs } from '../../proto/server-list.ts';
import { answerTimeoutMs, silenceMs, silenceMsMax } from '../../proto/silence.ts';
import { createAuthority, issueCertificate, type KeyedCertificate } from '../../proto/process/tls.ts';
import { freePorts } from '../fixtures/free-ports.ts';
import { ManualClock } from '../fixtures/manual-clock.ts';
import { hasKubectl, kubectlFor } from '../fixtures/kubectl.ts';

const test = anyTest as TestFn<{ authority: KeyedCertificate; certificate: KeyedCertificate }>;

test.before(async (t) => {
  const authority = await createAuthority({ commonName: 'test', days: 1 });
  t.context = { authority, certificate: await issueCertificate(authority, { commonName: 'server', ipAddresses: ['127.0.0.1'], usages: ['server'], days: 1 }) };
});

type Context = ExecutionContext<{ authority: KeyedCertificate; certificate: KeyedCertificate }>;

/** A server that notes what it is asked. */
const startServer = async (t: Context, answer: (request: IncomingMessage, response: ServerResponse) => void) => {
  const { certPem, keyPem } = t.context.certificate;
  const asked: string[] = [];
  const server = createServer({ cert: certPem, key: keyPem }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
};

const awayUrl = async (): Promise<string> => `https://127.0.0.1:${(await freePorts(1))[0]}`;

const clientOf = (t: Context, server: string, ...servers: string[]): Client => {
  const client = new Client({ server, servers, ca: t.context.authority.certPem }, systemClock);
  t.teardown(() => client.close());
  return client;
};

const change = (name: string, resourceVersion: string): string => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, resourceVersion } } })}\n`;

const ok = (_: IncomingMessage, response: ServerResponse): void => void response.end('{}');

test('a server that is away costs nothing but its refusal, for reads and writes alike', async (t) => {
  const there = await startServer(t, ok);
  const client = clientOf(t, await awayUrl(), await awayUrl(), there.url);
  await client.json('POST', '/a', { body: {} });
  await client.json('GET', '/b');
  t.deepEqual(there.asked, ['POST /a', 'GET /b']);
  await t.throwsAsync(clientOf(t, await awayUrl(), await awayUrl()).json('GET', '/'), { instanceOf: ConnectionError, message: /^cannot reach any of https:\S+, https:\S+: .*ECONNREFUSED/ });
  await t.throwsAsync(clientOf(t, await awayUrl()).json('GET', '/'), { instanceOf: ConnectionError, message: /^cannot reach https:\S+: .*ECONNREFUSED/ });
});

test('a read that broke off is sent again, to the same server and then to the next; a write is not', async (t) => {
  const dying = await startServer(t, ({ socket }) => void socket.destroy());
  const there = await startServer(t, ok);
  const client = clientOf(t, dying.url, there.url);
  await t.throwsAsync(client.json('POST', '/write', { body: {} }), { instanceOf: ConnectionError });
  t.deepEqual([...dying.asked, ...there.asked], ['POST /write']);
  await client.json('GET', '/read');
  t.deepEqual(dying.asked.slice(1), ['GET /read', 'GET /read']);
  t.deepEqual(there.asked, ['GET /read']);
});

test('requests leave nothing behind on the connection that they share', async (t) => {
  const warnings: string[] = [];
  const onWarning = ({ message }: Error): void => void warnings.push(message);
  process.on('warning', onWarning);
  t.teardown(() => process.off('warning', onWarning));
  const client = clientOf(t, (await startServer(t, ok)).url);
  for (let count = 0; count < 20; count += 1) await client.json('GET', '/');
  t.deepEqual(warnings, []);
});

test('an answer that breaks off is asked for again', async (t) => {
  let answers = 0;
  const breaking = await startServer(t, ({ socket }, response) => {
    answers += 1;
    if (answers > 1) response.end('{"whole":true}');
    else response.write('{"who', () => void socket.destroy());
  });
  t.deepEqual(await clientOf(t, breaking.url).json('GET', '/'), { whole: true });
});

test('a watch goes on at another server after the last change that it saw', async (t) => {
  const dying = await startServer(t, ({ socket }, response) => {
    if (dying.asked.length === 1) response.write(change('one', '11'), () => setImmediate(() => void socket.destroy()));
    else socket.destroy();
  });
  const there = await startServer(t, (_, response) => void response.write(change('two', '12')));
  const over = new AbortController();
  const seen: (string | undefined)[] = [];
  for await (const { object } of clientOf(t, dying.url, there.url).watch(configMapKind, { namespace: 'default' }, '10', over.signal)) {
    seen.push(object.metadata.name);
    if (seen.length === 2) over.abort();
  }
  t.deepEqual(seen, ['one', 'two']);
  t.regex(there.asked[0] ?? '', /resourceVersion=11/);
});


/** A server whose watches say what the test wants, and that answers everything else as long as it is not still. */
const startWatched = async (t: Context) => {
  const watches: ServerResponse[] = [];
  const waiting = new Set<() => void>();
  let isStill = false;
  const held: ServerResponse[] = [];
  const { url, asked } = await startServer(t, (request, response) => {
    if (isStill) held.push(response);
    else if (request.url?.includes('watch=true')) watches.push(response.writeHead(200));
    else response.end('ok');
    for (const look of waiting) look();
  });
  return {
    url, asked, watches,
    say: (text: string): void => void watches.at(-1)?.write(text),
    /** What is asked from now on waits. */
    stop: (): void => void (isStill = true),
    goOn: (): void => {
      isStill = false;
      for (const response of held) response.destroy();
    },
    asks: (path: RegExp, times: number): Promise<void> => new Promise((resolve) => {
      const look = (): void => {
        if (asked.filter((one) => path.test(one)).length < times) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    }),
  };
};

/** Stands still until it is moved, and says when a timer is set. */
class NotingClock extends ManualClock {
  readonly #waiting = new Map<number, () => void>();

  override after(delayMs: number, callback: () => void): Timer {
    const timer = super.after(delayMs, callback);
    this.#waiting.get(delayMs)?.();
    return timer;
  }

  /** Resolves when the next timer of this length is set. */
  isSet(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(delayMs, resolve));
  }
}

const watching = (t: Context, server: string, ...servers: string[]) => {
  const clock = new NotingClock();
  const client = new Client({ server, servers, ca: t.context.authority.certPem }, clock);
  const over = new AbortController();
  t.teardown(() => {
    over.abort();
    client.close();
  });
  const events = client.watch(configMapKind, { namespace: 'default' }, '10', over.signal);
  return { clock, next: async (): Promise<string | undefined> => (await events.next()).value?.object.metadata.name };
};

test('a watch leaves a server that stands still, and goes on at the next after the last change that it saw', async (t) => {
  const [still, there] = [await startWatched(t), await startWatched(t)];
  const { clock, next } = watching(t, still.url, there.url);
  const first = next();
  await still.asks(/watch/, 1);
  still.say(change('one', '11'));
  t.is(await first, 'one');
  still.stop();
  const second = next();
  await clock.advance(silenceMs);
  await still.asks(/livez/, 1);
  t.deepEqual(there.asked, []);
  await clock.advance(answerTimeoutMs);
  await there.asks(/watch.*resourceVersion=11/, 1);
  there.say(change('two', '12'));
  t.is(await second, 'two');
  t.deepEqual(there.asked.length, 1);
});

test('a watch that a server never begins is begun at the next', async (t) => {
  const [still, there] = [await startWatched(t), await startWatched(t)];
  still.stop();
  const { clock, next } = watching(t, still.url, there.url);
  const first = next();
  await still.asks(/watch/, 1);
  await clock.advance(silenceMs);
  await still.asks(/livez/, 1);
  await clock.advance(answerTimeoutMs);
  await there.asks(/watch.*resourceVersion=10/, 1);
  there.say(change('one', '11'));
  t.is(await first, 'one');
});

test('a watch of the only server is taken up when that goes on', async (t) => {
  const only = await startWatched(t);
  const { clock, next } = watching(t, only.url);
  const first = next();
  await only.asks(/watch/, 1);
  only.stop();
  for (const round of [1, 2]) {
    const retry = clock.isSet(500);
    await clock.advance(silenceMs);
    await only.asks(/livez/, round);
    await clock.advance(answerTimeoutMs);
    // Only the first attempt comes at once.
    if (round > 1) await retry.then(() => clock.advance(500));
    await only.asks(/watch/, round + 1);
  }
  // What waited breaks off, and is asked for again.
  only.goOn();
  await only.asks(/watch/, 4);
  only.say(change('one', '11'));
  t.is(await first, 'one');
});

test('a server that only has nothing to say is asked now and then, and never while changes come', async (t) => {
  const quiet = await startWatched(t);
  const { clock, next } = watching(t, quiet.url);
  let pending = next();
  await quiet.asks(/watch/, 1);
  for (const version of ['11', '12', '13']) {
    await clock.advance(silenceMs * 0.9);
    quiet.say(change('one', version));
    t.is(await pending, 'one');
    pending = next();
  }
  t.is(quiet.asked.length, 1);
  for (const times of [1, 2, 3]) {
    const answered = clock.isSet(silenceMs);
    await clock.advance(silenceMs);
    await quiet.asks(/livez/, times);
    await answered;
  }
  quiet.say(change('two', '14'));
  t.is(await pending, 'two');
  t.is(quiet.watches.length, 1);
});

/** Takes connections, and says nothing on them: a process that was stopped. */
const startSilent = async (t: Context) => {
  const taken: Socket[] = [];
  const waiting: (() => void)[] = [];
  const server = createTcpServer((socket) => {
    taken.push(socket.on('error', () => undefined));
    for (const take of waiting.splice(0)) take();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.close();
    for (const socket of taken) socket.destroy();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, connected: (): Promise<void> => new Promise((resolve) => (taken.length > 0 ? resolve() : void waiting.push(resolve))) };
};

test('behind an address that several share, an answer of another does not keep a silent watch for ever', async (t) => {
  const shared = await startWatched(t);
  const { clock, next } = watching(t, shared.url);
  const pending = next();
  await shared.asks(/watch/, 1);
  for (let rounds = 1; rounds * silenceMs < silenceMsMax; rounds += 1) {
    const answered = clock.isSet(silenceMs);
    await clock.advance(silenceMs);
    await answered;
    t.is(shared.watches.length, 1);
  }
  await clock.advance(silenceMs);
  await shared.asks(/watch/, 2);
  shared.say(change('one', '11'));
  t.is(await pending, 'one');
});

test('a list whose position is forgotten between two pages is read at once', async (t) => {
  const page = (names: readonly string[], more?: string): string => JSON.stringify({ metadata: { resourceVersion: '7', ...(more ? { continue: more } : {}) }, items: names.map((name) => ({ metadata: { name } })) });
  const forgetting = await startServer(t, ({ url = '' }, response) => {
    if (url.includes('continue=')) response.writeHead(410).end(JSON.stringify({ kind: 'Status', reason: 'Expired', message: 'too old' }));
    else response.end(url.includes('limit=') ? page(['a'], 'position') : page(['a', 'b', 'c']));
  });
  const { items, resourceVersion } = await clientOf(t, forgetting.url).list(configMapKind, { namespace: 'default' });
  t.deepEqual([items.map(({ metadata }) => metadata.name), resourceVersion], [['a', 'b', 'c'], '7']);
  t.is(forgetting.asked.length, 3);
});

test('a stream in both directions is opened at the next server, too, when one says nothing', async (t) => {
  const { certPem, keyPem } = t.context.certificate;
  const server = createServer({ cert: certPem, key: keyPem });
  server.on('upgrade', (_, socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nhello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close());
  const there = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const silent = await startSilent(t);
  const clock = new ManualClock();
  const client = new Client({ server: silent.url, servers: [there], ca: t.context.authority.certPem }, clock);
  t.teardown(() => client.close());
  const opening = client.openUpgrade('/forward', { upgrade: 'SPDY/3.1' }, new AbortController().signal);
  await silent.connected();
  await clock.advance(connectTimeoutMs);
  const socket = await opening;
  t.is(String(await socket.toArray().then((parts) => Buffer.concat(parts as Buffer[]))), 'hello');
});

test('a command is run by way of the next server, too, when one says nothing', async (t) => {
  const { certPem, keyPem } = t.context.certificate;
  const server = createServer({ cert: certPem, key: keyPem });
  const sockets = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    sockets.close();
    server.close();
  });
  const silent = await startSilent(t);
  const clock = new ManualClock();
  const client = new Client({ server: silent.url, servers: [`https://127.0.0.1:${(server.address() as AddressInfo).port}`], ca: t.context.authority.certPem }, clock);
  t.teardown(() => client.close());
  const opening = client.openWebSocket('/exec', 'v5.channel.k8s.io', new AbortController().signal);
  await silent.connected();
  await clock.advance(connectTimeoutMs);
  const socket = await opening;
  t.is(socket.protocol, 'v5.channel.k8s.io');
  socket.terminate();
});

test('a kubeconfig names all servers in a form that kubectl passes over', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'berth-servers-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const kubeconfig = join(dir, 'config');
  const there = await startServer(t, ok);
  const away = await awayUrl();
  const { authority, certificate } = t.context;
  mergeKubeconfig({ path: kubeconfig }, { name: 'several', server: away, servers: [away, there.url], authority: authority.certPem, ...certificate });
  const { client } = openContext({ kubeconfig }, process.env, systemClock);
  t.teardown(() => client.close());
  await client.json('GET', '/');
  t.deepEqual(there.asked, ['GET /']);
  if (!(await hasKubectl())) return;
  const { stdout } = await kubectlFor(dir, kubeconfig)(['config', 'view', '--raw', '-o', 'jsonpath={.clusters[0].cluster.server}']);
  t.is(stdout, away);
});
