/** A connection to containerd's streaming server, which goes on in another protocol than HTTP. The URL names what for, once. */
import { request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { ApiError } from '../../proto/errors.ts';
import type { Clock } from '../../proto/process/clock.ts';
import { runtimeLimits } from '../limits.ts';

const failed = (what: string, options?: ErrorOptions): ApiError => new ApiError('InternalError', `the container runtime does not stream: ${what}`, undefined, options);

/** Resolves to the connection, paused. Throws ApiError. */
export const upgraded = (url: string, streamProtocol: string, clock: Clock): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': streamProtocol };
    const request = httpRequest(url, { method: 'POST', headers, agent: false });
    const timer = clock.after(runtimeLimits.streamTimeoutMs, () => request.destroy(new Error('no answer')));
    request.on('upgrade', (_response, socket: Socket, head: Buffer) => {
      timer.cancel();
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.on('response', (response) => {
      response.resume();
      timer.cancel();
      reject(failed(`it answered ${response.statusCode}`));
      request.destroy();
    });
    request.on('error', (cause) => {
      timer.cancel();
      reject(failed(cause.message, { cause }));
    });
    request.end();
  });
