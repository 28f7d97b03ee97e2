import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import test from 'ava';
import { controllerConfig } from '../../../controller/config.ts';
import { listen } from '../../../controller/listening.ts';
import { ConfigError } from '../../../proto/process/config.ts';

test('a port of the system’s choice is told', async (t) => {
  const server = createServer();
  const port = await listen(server, { address: '127.0.0.1', port: 0 });
  t.true(port > 0);
  await t.throwsAsync(listen(createServer(), { address: '127.0.0.1', port }), { code: 'EADDRINUSE' });
  server.close();
});

test('a file descriptor that is no socket is a mistake in the configuration', async (t) => {
  const socketFd = openSync('/dev/null', 'r');
  await t.throwsAsync(listen(createServer(), { address: '127.0.0.1', port: 0, socketFd }), {
    instanceOf: ConfigError, message: `socketFd ${socketFd} is no listening socket (EINVAL); leave the setting out, or start this with one passed on`,
  });
  closeSync(socketFd);
});

test('standard input and output are no sockets to accept on', (t) => {
  const tls = { authorityCertificate: '/dev/null', authorityKey: '/dev/null', certificate: '/dev/null', key: '/dev/null' };
  const problems: string[] = [];
  controllerConfig.check({ name: 'one', api: { socketFd: 1 }, nodes: { socketFd: 4, advertised: ['10.0.0.1:6444'] }, tls, etcd: { endpoints: ['http://127.0.0.1:2379'] } }, '', problems);
  t.deepEqual(problems, ['api.socketFd must be a file descriptor, 3 or more, and is 1']);
});
