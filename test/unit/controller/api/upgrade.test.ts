import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import test from 'ava';
import type { Call } from '../../../../controller/api/call.ts';
import { acceptPlain, acceptWebSocket } from '../../../../controller/api/upgrade.ts';
import { isApiError } from '../../../../proto/errors.ts';

/** A request for another protocol, on a connection that its client has closed. */
const callOfNobody = async (): Promise<Call> => {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const request = new IncomingMessage(socket as Socket);
  request.method = 'GET';
  Object.assign(request.headers, { upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' });
  const response = new ServerResponse(request);
  response.assignSocket(socket as Socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.destroy();
  await closed;
  return { request, response, upgrade: { socket, head: Buffer.alloc(0) } } as unknown as Call;
};

test('a connection whose client has gone is not waited for', async (t) => {
  const isBrokenOff = (error: unknown): boolean => isApiError(error, 'BadRequest');
  t.true(isBrokenOff(await t.throwsAsync(acceptWebSocket(await callOfNobody(), 'v5.channel.k8s.io'))));
  const call = await callOfNobody();
  t.true(isBrokenOff(t.throws(() => acceptPlain(call, 'SPDY/3.1', {}))));
});
