/**
 * The controllers of a local cluster. All accept on the same two listening sockets: opened here once, kept open by each
 * one's supervisor, so that whichever controller is there accepts, and nobody is refused while one restarts.
 */
import { createServer, type Server } from 'node:net';
import type { Clock } from '../../proto/process/clock.ts';
import { type ProcessFolders, start, stop, supervised } from './processes.ts';
import { controllerService } from './services.ts';
import { type ClusterSettings, memberName } from './settings.ts';

const programGraceMs = 5_000;

export const controllerNames = ({ controllers }: Pick<ClusterSettings, 'controllers'>): readonly string[] =>
  Array.from({ length: controllers }, (_, at) => memberName('controller', at + 1));

export const isController = (processName: string): boolean => /^controller(-\d+)?$/.test(processName);

const open = (port: number): Promise<Server> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '0.0.0.0', port }, () => resolve(server));
  });

/** Node.js names the descriptor nowhere else. */
const descriptorOf = (server: Server): number => (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;

/**
 * Starts the controllers that are wanted and stops those that are not. Where one is missing all start anew, as only their
 * supervisors hold the sockets. Resolves to whether any had to be started.
 */
export const startControllers = async (settings: ClusterSettings, folders: ProcessFolders, clock: Clock): Promise<boolean> => {
  const wanted = controllerNames(settings);
  const running = supervised(folders).filter(isController);
  const areThere = wanted.every((name) => running.includes(name));
  const surplus = areThere ? running.filter((name) => !wanted.includes(name)) : running;
  await Promise.all(surplus.map((name) => stop(folders, name, programGraceMs, clock)));
  if (areThere) return false;
  const sockets: Server[] = [];
  try {
    sockets.push(await open(settings.ports.api), await open(settings.ports.nodes));
    // In one go with the opening: a connection that came meanwhile would be accepted here.
    for (const [at, name] of wanted.entries()) start(folders, controllerService(settings, name, at + 1), sockets.map(descriptorOf));
  } finally {
    for (const socket of sockets) socket.close();
  }
  return true;
};
