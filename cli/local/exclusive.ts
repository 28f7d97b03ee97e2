/**
 * One `up` or `down` of a cluster at a time. Who listens on the cluster's abstract socket has the turn; the kernel
 * takes the name back when that process ends, however it ends, so that no stale lock can be left behind.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

const take = (address: string): Promise<Server | undefined> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });

/** Resolves when the holder of the turn is done or gone. */
const holderEnds = (address: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(address);
    const onAbort = (): void => void socket.destroy();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    socket.resume();
  });

/**
 * Runs `work` when no other process has the turn of `name`; `onWait` is called when there is one to wait for. Throws
 * the signal's reason when it aborts while waiting.
 */
export const exclusively = async <T>(name: string, onWait: () => void, work: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  const address = `\0berth/${name}`;
  let server = await take(address);
  if (!server) onWait();
  while (!server) {
    signal.throwIfAborted();
    await holderEnds(address, signal);
    signal.throwIfAborted();
    server = await take(address);
  }
  const waiting = new Set<Socket>();
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    waiting.add(socket);
  });
  try {
    return await work();
  } finally {
    for (const socket of waiting) socket.destroy();
    server.close();
  }
};
