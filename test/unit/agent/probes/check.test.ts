import { once } from 'node:events';
import * as http from 'node:http';
import * as net from 'node:net';
import type { AddressInfo } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import test from 'ava';
import { check } from '../../../../agent/probes/check.ts';
import type { Exec, Outcome } from '../../../../agent/probes/check.ts';
import { decodeReply, encodeRequest } from '../../../../agent/probes/grpc.ts';
import { systemClock } from '../../../../proto/process/clock.ts';
import type { Probe } from '../../../../proto/resources/kubernetes.ts';

const container = (port: number) => ({ name: 'app', ports: [{ name: 'web', containerPort: port }] });
const noExec: Exec = async () => ({ exitCode: 0, output: '' });

/** With time enough for a busy machine, unless the probe says otherwise. */
const attempt = (probe: Probe, port: number, exec = noExec): Promise<Outcome> =>
  check({ timeoutSeconds: 60, ...probe }, { container: container(port), containerId: 'c', host: '127.0.0.1' }, exec, systemClock, new AbortController().signal);

const serve = async (handler: http.RequestListener): Promise<{ port: number; close(): void }> => {
  const server = http.createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
};

test('an HTTP probe sends its path and headers to a named port', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = await serve((request, response) => {
    seen.push(request.url, request.headers['x-probe'] as string, request.headers['user-agent'], request.headers.host);
    response.end('ok');
  });
  const probe = { httpGet: { port: 'web', path: '/healthz?full=1', httpHeaders: [{ name: 'X-Probe', value: 'yes' }, { name: 'Host', value: 'example.com' }] } };
  t.deepEqual(await attempt(probe, server.port), { ok: true, message: '' });
  t.deepEqual(seen, ['/healthz?full=1', 'yes', 'kube-probe/1.32', 'example.com']);
  server.close();
});

test('an HTTP status from 200 to 399 is healthy, others are not', async (t) => {
  const server = await serve((request, response) => void response.writeHead(Number(request.url?.slice(1))).end());
  for (const [status, ok] of [[200, true], [304, true], [399, true], [400, false], [503, false]] as const) {
    t.is((await attempt({ httpGet: { port: server.port, path: `/${status}` } }, server.port)).ok, ok, String(status));
  }
  t.is((await attempt({ httpGet: { port: server.port, path: '/500' } }, server.port)).message, 'HTTP probe failed with statuscode: 500');
  server.close();
});

test('redirects are followed on the same host only', async (t) => {
  const server = await serve((request, response) => {
    if (request.url === '/away') response.writeHead(302, { location: 'http://198.51.100.1/' }).end();
    else if (request.url === '/here') response.writeHead(302, { location: '/broken' }).end();
    else response.writeHead(500).end();
  });
  t.true((await attempt({ httpGet: { port: server.port, path: '/away' } }, server.port)).ok);
  t.false((await attempt({ httpGet: { port: server.port, path: '/here' } }, server.port)).ok);
  server.close();
});

test('a server that does not answer in time is unhealthy', async (t) => {
  const server = await serve(() => undefined);
  const outcome = await attempt({ httpGet: { port: server.port }, timeoutSeconds: 0.05 }, server.port);
  t.false(outcome.ok);
  t.regex(outcome.message, /deadline exceeded/);
  server.close();
});

test('a body without end is not read to its end', async (t) => {
  const server = await serve((_request, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(4096)));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  t.true((await attempt({ httpGet: { port: server.port } }, server.port)).ok);
  server.close();
});

test('an unknown port name is a failure that says so', async (t) => {
  t.regex((await attempt({ httpGet: { port: 'nowhere' } }, 1)).message, /couldn't find port: "nowhere"/);
});

test('a TCP probe needs somebody who accepts', async (t) => {
  const server = net.createServer((socket) => void socket.end()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  t.true((await attempt({ tcpSocket: { port } }, port)).ok);
  server.close();
  await once(server, 'close');
  const refused = await attempt({ tcpSocket: { port } }, port);
  t.false(refused.ok);
  t.regex(refused.message, /ECONNREFUSED/);
});

test('a command is healthy when it exits with 0', async (t) => {
  const exec: Exec = async (_id, command) => ({ exitCode: command[0] === 'true' ? 0 : 1, output: 'no\n' });
  t.true((await attempt({ exec: { command: ['true'] } }, 1, exec)).ok);
  t.deepEqual(await attempt({ exec: { command: ['false'] } }, 1, exec), { ok: false, message: 'no' });
});

test('a command that hangs is unhealthy', async (t) => {
  const outcome = await attempt({ exec: { command: ['x'] }, timeoutSeconds: 0.05 }, 1, () => new Promise(() => undefined));
  t.deepEqual(outcome, { ok: false, message: 'command timed out after 0.05s' });
});

test('a runtime that is away says nothing about the container', async (t) => {
  const outcome = await attempt({ exec: { command: ['x'] } }, 1, () => Promise.reject(new Error('unavailable')));
  t.deepEqual(outcome, { ok: false, message: 'unavailable', isUnknown: true });
});

test('a gRPC probe asks for its service', async (t) => {
  const server = new Server();
  const asked: string[] = [];
  const identity = (bytes: Buffer): Buffer => bytes;
  server.addService(
    { check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity } },
    {
      check: (call: { request: Buffer }, callback: (error: null, reply: Buffer) => void) => {
        asked.push(call.request.toString('hex'));
        callback(null, call.request.length > 0 ? Buffer.of(8, 1) : Buffer.of(8, 2));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  t.true((await attempt({ grpc: { port, service: 'db' } }, port)).ok);
  t.deepEqual(await attempt({ grpc: { port } }, port), { ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
  t.deepEqual(asked, ['0a026462', '']);
  server.forceShutdown();
});

test('health messages of any length are encoded, and an empty reply is unknown', (t) => {
  t.is(encodeRequest('x'.repeat(200)).subarray(0, 3).toString('hex'), '0ac801');
  t.is(decodeReply(Buffer.alloc(0)), 'UNKNOWN');
});
