/** The subresources exec and attach: a command in a container, or the container itself, its streams as channels of a WebSocket. */
import type { WebSocket } from 'ws';
import { ApiError, badRequest, isApiError } from '../../proto/errors.ts';
import { channels, decodeMessage, encodeData, type ExecProtocol, execProtocols, protocolOf } from '../../proto/exec-channels.ts';
import { stdinWindowBytes } from '../../proto/node-service.ts';
import type { Pod } from '../../proto/resources/kubernetes.ts';
import { execPingPeriodMs } from '../limits.ts';
import type { AttachQuery, ConversationRequest } from '../../proto/tunnel-requests.ts';
import type { ExecStream, OnNode } from '../nodes/tunnels.ts';
import type { Backend, Call } from './call.ts';
import { containerOf, nodeNameOf } from './pod-container.ts';
import { flagParameter, type Query, textParameter } from './query.ts';
import { acceptWebSocket } from './upgrade.ts';
import { findPresent, keyOf } from './write-context.ts';

type StreamsRequest = OnNode<Extract<ConversationRequest, AttachQuery>>;

/** What exec and attach have in common; `verb` for the words. @throws ApiError BadRequest */
const streamsOf = (pod: Pod, query: Query, verb: string): OnNode<AttachQuery> => {
  const podName = pod.metadata.name ?? '';
  const [stdin, stdout, stderr, tty] = ['stdin', 'stdout', 'stderr', 'tty'].map((name) => flagParameter(query, name)) as [boolean, boolean, boolean, boolean];
  if (!stdin && !stdout && !stderr) throw badRequest('you must specify at least one of stdin, stdout, stderr');
  const container = containerOf(pod, textParameter(query, 'container'));
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') throw badRequest(`cannot ${verb} a container in a completed pod; current phase is ${phase}`);
  return { nodeName: nodeNameOf(pod), podName, podUid: pod.metadata.uid ?? '', container, stdin, stdout, stderr: stderr && !tty, tty };
};

const execRequestOf = (pod: Pod, query: Query): StreamsRequest => {
  const command = query.getAll('command');
  if (command.length === 0 || command[0] === '') throw badRequest('you must specify at least one command for the container');
  return { type: 'exec', ...streamsOf(pod, query, 'exec into'), command };
};

/** Whether there is a terminal, and an input, is the container's to say. */
const attachRequestOf = (pod: Pod, query: Query): StreamsRequest => {
  const asked = streamsOf(pod, query, 'attach');
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const { stdin = false, tty = false } = [...containers, ...initContainers].find(({ name }) => name === asked.container) ?? {};
  return { type: 'attach', ...asked, stdin: asked.stdin && stdin, stderr: flagParameter(query, 'stderr') && !tty, tty };
};

/** @throws ApiError BadRequest for clients that speak something else, in words that help */
const protocolFor = ({ request, upgrade }: Call): ExecProtocol => {
  const protocol = protocolOf(request.headers['sec-websocket-protocol']);
  if (upgrade && protocol) return protocol;
  if (upgrade) throw badRequest(`none of the offered protocols is known; this server speaks ${execProtocols.join(' and ')}`);
  if (!/spdy/i.test(request.headers.upgrade ?? '')) throw badRequest('Upgrade request required');
  throw badRequest(
    `this server runs commands over WebSocket (${execProtocols[0]}), not SPDY: use kubectl 1.30 or newer, or set KUBECTL_REMOTE_COMMAND_WEBSOCKETS=true for 1.29`,
  );
};

/** Resolves when the connection has taken it, or is closed. */
const write = (socket: WebSocket, message: Buffer): Promise<void> => new Promise((resolve) => socket.send(message, () => resolve()));

const statusOf = (exitCode: number): object =>
  exitCode === 0
    ? { metadata: {}, status: 'Success' }
    : {
        metadata: {},
        status: 'Failure',
        reason: 'NonZeroExitCode',
        message: `command terminated with non-zero exit code: exit status ${exitCode}`,
        details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
      };

/** What the client sends goes to the command. The result is told how many bytes the command has taken. */
const passInput = (socket: WebSocket, { send }: ExecStream): ((bytes: number) => void) => {
  let waitingBytes = 0;
  let hasEnded = false;
  socket.on('message', (bytes: Buffer) => {
    const message = decodeMessage(bytes);
    if (message?.type === 'resize') send({ frame: 'resize', resize: { width: message.width, height: message.height } });
    if (hasEnded || message === undefined || message.type === 'resize' || message.channel !== channels.stdin) return;
    if (message.type === 'close') {
      hasEnded = true;
      send({ frame: 'stdinEnd', stdinEnd: true });
    } else if (message.bytes.length > 0) {
      waitingBytes += message.bytes.length;
      send({ frame: 'data', data: message.bytes });
      if (waitingBytes >= stdinWindowBytes) socket.pause();
    }
  });
  return (bytes) => {
    waitingBytes -= bytes;
    if (waitingBytes < stdinWindowBytes / 2) socket.resume();
  };
};

/** Both ways until the command ends; resolves to its exit code. */
const pass = async (socket: WebSocket, stream: ExecStream, { stdin }: StreamsRequest): Promise<number> => {
  const taken = passInput(socket, stdin ? stream : { ...stream, send: (input) => void (input.frame === 'resize' && stream.send(input)) });
  // Some clients wait for a first message to know that the command runs.
  await write(socket, encodeData(channels.stdout, ''));
  socket.resume();
  for await (const output of stream.output) {
    if (output.frame === 'data') await write(socket, encodeData(channels.stdout, output.data));
    else if (output.frame === 'stderr') await write(socket, encodeData(channels.stderr, output.stderr));
    else if (output.frame === 'taken') taken(output.taken);
    else return output.exit;
  }
  throw new ApiError('InternalError', 'the command ended without an exit code');
};

const converse = async (call: Call, { tunnels, clock }: Backend, socket: WebSocket, request: StreamsRequest): Promise<void> => {
  const left = new AbortController();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  void closed.then(() => left.abort());
  socket.on('error', () => undefined);
  // Its first input waits until there is somebody to take it.
  socket.pause();
  const pings = clock.every(execPingPeriodMs, () => socket.ping());
  const leave = call.onServerClose(() => left.abort());
  let status: object;
  try {
    status = statusOf(await pass(socket, await tunnels.converse(request, left.signal), request));
  } catch (error) {
    status = (isApiError(error) ? error : new ApiError('InternalError', 'Internal error occurred')).toStatus();
  } finally {
    leave();
  }
  socket.resume();
  await write(socket, encodeData(channels.error, JSON.stringify(status)));
  socket.close(1000);
  await closed;
  pings.cancel();
};

/** What is wrong with the request is answered as for any other; what goes wrong later is told in the error channel. */
const handle = async (call: Call, backend: Backend, requestOf: (pod: Pod, query: Query) => StreamsRequest): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const { object } = await findPresent<Pod>(backend.reader, kind, keyOf(namespace, name));
  const request = requestOf(object, call.query);
  const protocol = protocolFor(call);
  await converse(call, backend, await acceptWebSocket(call, protocol), request);
};

/** GET and POST of `exec`. */
export const handleExec = (call: Call, backend: Backend): Promise<void> => handle(call, backend, execRequestOf);

/** GET and POST of `attach`. */
export const handleAttach = (call: Call, backend: Backend): Promise<void> => handle(call, backend, attachRequestOf);
