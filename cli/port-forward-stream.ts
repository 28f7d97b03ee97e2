/** One TCP connection that comes here, carried to a port of a pod: a connection to the server for each, so that none holds up another. */
import type { Socket } from 'node:net';
import type { Client } from '../proto/client.ts';
import { SpdyConnection } from '../proto/spdy.ts';

export interface ForwardTarget {
  readonly client: Client;
  /** Of the subresource. */
  readonly path: string;
  readonly port: number;
}

const upgrade = { upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'portforward.k8s.io' };

/** Resolves when the connection is over. Throws ApiError and ConnectionError; an Error with the node's words when it cannot reach the port. */
export const carry = async (local: Socket, { client, path, port }: ForwardTarget, signal: AbortSignal): Promise<void> => {
  local.pause();
  const remote = await client.openUpgrade(path, upgrade, signal);
  const connection = new SpdyConnection((bytes, written) => {
    if (remote.write(bytes, () => written?.())) return;
    local.pause();
    remote.once('drain', () => local.resume());
  });
  let failure = '';
  const over = new Promise<void>((resolve) => {
    remote.once('close', resolve);
    local.once('close', resolve);
  });
  const headers = { port: String(port), requestID: '0' };
  const error = connection.open({ ...headers, streamType: 'error' }, {
    onData: (bytes) => void (failure += bytes.toString()),
    onEnd: () => void (failure !== '' && remote.destroy()),
  });
  // Nothing is said on it from here.
  error.end();
  const data = connection.open({ ...headers, streamType: 'data' }, {
    onData: (bytes) => {
      if (local.write(bytes)) return;
      remote.pause();
      local.once('drain', () => remote.resume());
    },
    onEnd: () => void local.end(),
  });
  remote.on('data', (bytes: Buffer) => connection.receive(bytes));
  local.on('data', (bytes: Buffer) => data.write(bytes));
  local.once('end', () => data.end());
  local.resume();
  remote.resume();
  await over;
  connection.close();
  local.destroySoon();
  remote.destroy();
  if (failure !== '') throw new Error(failure.trim());
};
