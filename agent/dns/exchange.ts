/** One question to one other server, by UDP or TCP. */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';

export interface DnsServerAddress {
  readonly address: string;
  readonly port: number;
}

/** Nobody answered, in time or at all. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

/**
 * From a port of its own, which the kernel picks at random, and for that server's packets alone. What `isAnswer` does not take is
 * waited past: it may come from anybody. Rejects with NoAnswer.
 */
export const askByUdp = ({ address, port }: DnsServerAddress, query: Buffer, isAnswer: (message: Buffer) => boolean, signal: AbortSignal): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      // Its last errors concern nobody.
      socket.removeAllListeners().on('error', () => undefined).close();
      settle();
    };
    const fail = (cause: unknown): void => end(() => reject(new NoAnswer(`${address} did not answer`, { cause })));
    const onAbort = (): void => fail(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', fail);
    socket.on('message', (message) => {
      if (isAnswer(message)) end(() => resolve(message));
    });
    socket.connect(port, address, () => socket.send(query));
    if (signal.aborted) onAbort();
  });

/** The message at the start of a stream, after its length; undefined until it is whole. */
export const framed = (received: Buffer): Buffer | undefined => {
  const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE(0);
  return received.length < end ? undefined : received.subarray(2, end);
};

export const frame = (message: Buffer): Buffer => Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);

/** Rejects with NoAnswer. */
export const askByTcp = async ({ address, port }: DnsServerAddress, query: Buffer, isAnswer: (message: Buffer) => boolean, signal: AbortSignal): Promise<Buffer> => {
  const socket = connect({ host: address, port, signal });
  socket.write(frame(query));
  try {
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      const message = framed(received);
      if (message === undefined) continue;
      if (isAnswer(message)) return message;
      break;
    }
  } catch (cause) {
    throw new NoAnswer(`${address} did not answer`, { cause });
  } finally {
    socket.destroy();
  }
  throw new NoAnswer(`${address} did not answer`);
};
