/** Connections that go on in another protocol. */
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { badRequest } from '../../proto/errors.ts';
import { execMessageBytesMax } from '../limits.ts';
import type { Call, Upgrade } from './call.ts';

const brokenOff = (): Error => badRequest('the client broke off');

/** Takes the connection away from the response. @throws ApiError BadRequest when the client wants no other protocol, or has gone */
const take = ({ response, upgrade }: Call): Upgrade => {
  if (!upgrade) throw badRequest('Upgrade request required');
  // Its 'close' has been, and nobody would be told of it again.
  if (upgrade.socket.destroyed) throw brokenOff();
  response.detachSocket(upgrade.socket as Parameters<typeof response.detachSocket>[0]);
  response.statusCode = 101;
  return upgrade;
};

/** Throws ApiError BadRequest. */
export const acceptWebSocket = async (call: Call, protocol: string): Promise<WebSocket> => {
  const { request } = call;
  const { socket, head } = take(call);
  const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: execMessageBytesMax });
  // Kubernetes' names have signs that ws would refuse.
  delete request.headers['sec-websocket-protocol'];
  server.once('headers', (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    const onClose = (): void => reject(brokenOff());
    socket.once('close', onClose);
    server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', onClose);
      resolve(webSocket);
    });
  });
};

/** The connection itself, after the answer. Throws ApiError BadRequest. */
export const acceptPlain = (call: Call, protocol: string, headers: Readonly<Record<string, string>>): Duplex => {
  const { socket, head } = take(call);
  const lines = Object.entries({ Connection: 'Upgrade', Upgrade: protocol, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
};
