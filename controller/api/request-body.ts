/** Reads a request's body within the bounds. */
import type { IncomingMessage } from 'node:http';
import { ApiError } from '../../proto/errors.ts';
import { bodyBytesMax, bodyDiscardedBytesMax } from '../limits.ts';
import type { Inflight } from './inflight.ts';

const tooLarge = (bytesMax: number): ApiError =>
  new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${bytesMax}`);

/**
 * After an answer that came before the end of the body: reads the rest and throws it away, so that the client gets to read
 * the answer instead of a reset. A client that sends without end is cut off. Never rejects.
 */
export const discardBody = async (request: IncomingMessage): Promise<void> => {
  // An answered request lets go of its connection, and would not take it along.
  const { socket } = request;
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      if (bytes > bodyDiscardedBytesMax) socket.destroy();
    }
  } catch {
    // The client is gone, which is an end too.
  }
};

/**
 * The whole body; empty when there is none. Call `release` when the bytes are no longer needed.
 *
 * @throws ApiError RequestEntityTooLarge, TooManyRequests, BadRequest when the client stops in the middle
 */
export const readBody = async (
  request: IncomingMessage,
  inflight: Inflight,
  bytesMax = bodyBytesMax,
): Promise<{ bytes: Buffer; release: () => void }> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const release = (): void => {
    inflight.holdBody(-bytes);
    bytes = 0;
  };
  try {
    // Not destroyed when left early: the answer still goes out on this connection.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const { length } = chunk as Buffer;
      if (bytes + length > bytesMax) throw tooLarge(bytesMax);
      inflight.holdBody(length);
      bytes += length;
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    release();
    if (error instanceof ApiError) throw error;
    throw new ApiError('BadRequest', 'the request ended before its body did', undefined, { cause: error });
  }
  return { bytes: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks), release };
};
