/** A TCP probe: healthy when the connection is accepted. */
import { connect } from 'node:net';

/** Resolves once connected (and hangs up at once); rejects with the system's error. */
export const tcpConnect = (host: string, port: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.on('error', reject);
  });
