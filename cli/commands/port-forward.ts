/** berth port-forward: ports here that lead to ports of a pod. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Argv } from 'yargs';
import { podKind } from '../../proto/kinds.ts';
import { objectPath } from '../../proto/resources/meta.ts';
import { type ContextArguments, contextOf } from '../context.ts';
import { Refused, UsageError } from '../errors.ts';
import { contextFlags } from '../flags.ts';
import { type ForwardedPort, parsePorts } from '../forwarded-ports.ts';
import { carry } from '../port-forward-stream.ts';
import type { Program } from '../program.ts';
import { forwardedPod } from '../running-pod.ts';

export const command = 'port-forward <what> <ports..>';

export interface PortForwardArguments extends ContextArguments {
  readonly what: string;
  readonly ports: readonly (string | number)[];
  readonly address: string;
}

export const builder = (yargs: Argv): Argv =>
  contextFlags(yargs)
    .positional('what', { type: 'string', describe: 'A pod’s name, or pod/hello-x, deployment/hello, service/hello: one of its ready pods' })
    .positional('ports', { type: 'string', array: true, describe: 'HERE:THERE, such as 8080:80; 80 for both, :80 for any free one here' })
    .option('address', { type: 'string', requiresArg: true, default: '127.0.0.1', describe: 'The address to listen at' })
    .example('berth port-forward deployment/hello 8080:80', 'curl http://127.0.0.1:8080 gets to one of its pods')
    .example('berth port-forward service/db :sql', 'Any free port here, the service’s port of that name there');

const listen = (server: Server, host: string, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Refused(`cannot listen at ${host}:${port} (${error.code})`, { cause: error })));
    server.listen({ host, port }, () => resolve((server.address() as AddressInfo).port));
  });

export const run = async (args: PortForwardArguments, program: Program): Promise<void> => {
  const context = contextOf(args, program);
  const { client } = context;
  const servers: Server[] = [];
  const open = new Set<Socket>();
  try {
    const { pod, service } = await forwardedPod(args.what, context);
    const ports = parsePorts(args.ports.map(String), pod, service);
    if (ports.length === 0) throw new UsageError('say which ports, such as 8080:80');
    if (pod.status?.phase !== 'Running') throw new Refused(`pod ${pod.metadata.name} does not run; its phase is ${pod.status?.phase ?? 'unknown'}`);
    const path = objectPath(podKind, pod.metadata.namespace, pod.metadata.name ?? '', 'portforward');
    const accept = (socket: Socket, { remote: port }: ForwardedPort): void => {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => open.delete(socket));
      carry(socket, { client, path, port }, program.signal).catch((error: unknown) => {
        socket.destroy();
        if (!program.signal.aborted) program.stderr.write(`a connection to port ${port} failed: ${(error as Error).message}\n`);
      });
    };
    for (const each of ports) {
      const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (socket) => accept(socket, each));
      servers.push(server);
      program.stdout.write(`Forwarding from ${args.address}:${await listen(server, args.address, each.local)} -> ${each.remote}\n`);
    }
    await new Promise<void>((resolve) => {
      if (program.signal.aborted) resolve();
      program.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    for (const server of servers) server.close();
    for (const socket of open) socket.destroy();
    client.close();
  }
};
