/**
 * The subresource portforward: connections to ports of a pod, as the streams of one SPDY connection that the node's runtime
 * speaks. Here its bytes are passed on as they are, whether the client brings them plainly (kubectl before 1.31, berth) or in the
 * messages of a WebSocket (kubectl since).
 */
import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { badRequest } from '../../proto/errors.ts';
import { stdinWindowBytes } from '../../proto/node-service.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { execPingPeriodMs } from '../limits.ts';
import type { ExecStream } from '../nodes/tunnels.ts';
import type { Backend, Call } from './call.ts';
import { nodeNameOf } from './pod-container.ts';
import { acceptPlain, acceptWebSocket } from './upgrade.ts';
import { findPresent, keyOf } from './write-context.ts';

const spdy = 'SPDY/3.1';
const streamProtocol = 'portforward.k8s.io';
const tunnelled = `${spdy}+${streamProtocol}`;

const offers = (header: string | string[] | undefined, protocol: string): boolean =>
  [header ?? []].flat().flatMap((text) => text.split(',')).some((text) => text.trim() === protocol);

/** @throws ApiError BadRequest when the client speaks something else, in words that help */
const requireKnown = ({ request: { headers }, upgrade }: Call): 'plain' | 'tunnelled' => {
  if (!upgrade) throw badRequest('Upgrade request required');
  if (headers.upgrade?.toLowerCase() === spdy.toLowerCase()) {
    if (offers(headers['x-stream-protocol-version'], streamProtocol)) return 'plain';
    throw badRequest(`none of the offered protocols is known; this server speaks ${streamProtocol}`);
  }
  if (offers(headers['sec-websocket-protocol'], tunnelled)) return 'tunnelled';
  throw badRequest(`none of the offered protocols is known; this server speaks ${tunnelled}`);
};

/** The client's connection as a stream of SPDY's bytes. */
const accept = async (call: Call, how: 'plain' | 'tunnelled', clock: Clock): Promise<Duplex> => {
  if (how === 'plain') return acceptPlain(call, spdy, { 'X-Stream-Protocol-Version': streamProtocol });
  const socket = await acceptWebSocket(call, tunnelled);
  const pings = clock.every(execPingPeriodMs, () => socket.ping());
  socket.once('close', () => pings.cancel());
  return createWebSocketStream(socket);
};

/** Resolves when the client takes more, or is gone. */
const drained = (client: Duplex): Promise<void> =>
  new Promise((resolve) => {
    if (client.destroyed) return resolve();
    const done = (): void => {
      client.off('drain', done);
      client.off('close', done);
      resolve();
    };
    client.once('drain', done);
    client.once('close', done);
  });

/** Both ways, until one end is gone. */
const pass = async (client: Duplex, { send, output }: ExecStream): Promise<void> => {
  let waitingBytes = 0;
  client.on('data', (data: Buffer) => {
    waitingBytes += data.length;
    send({ frame: 'data', data });
    if (waitingBytes >= stdinWindowBytes) client.pause();
  });
  client.once('end', () => send({ frame: 'stdinEnd', stdinEnd: true }));
  for await (const part of output) {
    if (part.frame === 'taken') {
      waitingBytes -= part.taken;
      if (waitingBytes < stdinWindowBytes / 2) client.resume();
    } else if (part.frame === 'data' && !client.write(part.data)) await drained(client);
  }
};

/** GET and POST of `portforward`. What is wrong with the request, or on the node, is answered before the connection goes over to SPDY. */
export const handlePortForward = async (call: Call, { reader, tunnels, clock }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const { object } = await findPresent<Pod>(reader, kind, keyOf(namespace, name));
  const how = requireKnown(call);
  // Who left while the pod was looked for is not told of again.
  if (call.upgrade?.socket.destroyed) return;
  const left = new AbortController();
  const leave = call.onServerClose(() => left.abort());
  const onClose = (): void => left.abort();
  call.upgrade?.socket.once('close', onClose);
  try {
    const stream = await tunnels.converse({ type: 'portForward', nodeName: nodeNameOf(object), podName: name, podUid: object.metadata.uid ?? '' }, left.signal);
    const client = await accept(call, how, clock);
    client.on('error', () => undefined);
    // The end of a connection of which nothing is left to be said is no failure.
    await pass(client, stream).catch(() => undefined);
    client.destroy();
  } finally {
    left.abort();
    leave();
  }
};
