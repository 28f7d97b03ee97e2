/** Where a server accepts connections: on an address of its own, or on a socket that whoever started the program has opened. */
import type { AddressInfo, Server } from 'node:net';
import { ConfigError } from '../proto/process/config.ts';

export interface Listening {
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /**
   * A listening socket that was handed down, as a file descriptor; address and port then say nothing. Several controllers
   * may share one: whichever is there accepts, and while one restarts nobody is refused.
   */
  readonly socketFd?: number | undefined;
}

/** Resolves to the port. Rejects when it cannot be had; with ConfigError where `socketFd` is no listening socket. */
export const listen = (server: Server, { address, port, socketFd }: Listening): Promise<number> =>
  new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(socketFd === undefined ? error : new ConfigError(`socketFd ${socketFd} is no listening socket (${error.code}); leave the setting out, or start this with one passed on`, { cause: error }));
    server.once('error', onError);
    server.listen(socketFd === undefined ? { host: address, port } : { fd: socketFd }, () => {
      server.off('error', onError);
      resolve((server.address() as AddressInfo).port);
    });
  });
