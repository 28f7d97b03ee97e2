/** The subresource log: which container is meant, whether it can have a log, and the stream of its bytes. */
import { ApiError, badRequest } from '../../proto/errors.ts';
import { parseTimestamp } from '../../proto/process/clock.ts';
import type { ContainerStatus, Pod } from '../../proto/resources/kubernetes.ts';
import type { LogRequest } from '../nodes/tunnels.ts';
import { answer, type Backend, type Call } from './call.ts';
import { textAnswer } from './answer.ts';
import { countParameter, flagParameter, type Query, textParameter } from './query.ts';
import { containerOf } from './pod-container.ts';
import { findPresent, keyOf } from './write-context.ts';

const statusOf = ({ status }: Pod, container: string): ContainerStatus | undefined =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? []), ...(status?.ephemeralContainerStatuses ?? [])].find(
    ({ name }) => name === container,
  );

const waitingWords = new Map([
  ['ErrImagePull', "image can't be pulled"],
  ['ImagePullBackOff', 'trying and failing to pull image'],
]);

/** As Kubernetes answers for a container that has written nothing yet. @throws ApiError BadRequest */
const requireLog = (pod: Pod, container: string, previous: boolean): void => {
  const name = pod.metadata.name ?? '';
  const status = statusOf(pod, container);
  if (previous) {
    if (!status?.lastState?.terminated) throw badRequest(`previous terminated container "${container}" in pod "${name}" not found`);
    return;
  }
  const { waiting, running, terminated } = status?.state ?? {};
  if (running || terminated || status?.lastState?.terminated) return;
  if (!status || !waiting) throw badRequest(`container "${container}" in pod "${name}" is not available`);
  const reason = waiting.reason ?? '';
  const words = waitingWords.get(reason);
  throw badRequest(
    words
      ? `container "${container}" in pod "${name}" is waiting to start: ${words}`
      : `container "${container}" in pod "${name}" is waiting to start: ${reason}`,
  );
};

const logRequestOf = (pod: Pod, query: Query): LogRequest | undefined => {
  const sinceTime = textParameter(query, 'sinceTime');
  const sinceSeconds = countParameter(query, 'sinceSeconds');
  const tailLines = countParameter(query, 'tailLines');
  const limitBytes = countParameter(query, 'limitBytes');
  if (sinceTime !== undefined && sinceSeconds !== undefined) throw badRequest('at most one of sinceTime and sinceSeconds may be specified');
  if (sinceTime !== undefined && Number.isNaN(parseTimestamp(sinceTime))) throw badRequest('sinceTime is not a time');
  if (sinceSeconds === 0) throw badRequest('sinceSeconds must be greater than 0');
  if (limitBytes === 0) throw badRequest('limitBytes must be greater than 0');
  const container = containerOf(pod, textParameter(query, 'container'));
  const previous = flagParameter(query, 'previous');
  const nodeName = pod.spec?.nodeName;
  // No node has it yet: as in Kubernetes an empty log, not an error.
  if (!nodeName) return undefined;
  requireLog(pod, container, previous);
  return {
    nodeName,
    namespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name ?? '',
    podUid: pod.metadata.uid ?? '',
    container,
    follow: flagParameter(query, 'follow'),
    previous,
    timestamps: flagParameter(query, 'timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
};

const drained = ({ response }: Call): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });

const stream = async (call: Call, chunks: AsyncIterable<Buffer>, signal: AbortSignal): Promise<void> => {
  const { response } = call;
  response.writeHead(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  try {
    for await (const chunk of chunks) {
      if (signal.aborted || !response.writable) break;
      if (!response.write(chunk)) await drained(call);
    }
  } catch (error) {
    if (signal.aborted) return;
    // The answer has begun: cutting it off is the only way to say that it is not whole.
    response.destroy(error instanceof ApiError ? undefined : (error as Error));
    return;
  }
  response.end();
};

/** GET of `log`. */
export const handleLog = async (call: Call, { reader, tunnels }: Backend): Promise<void> => {
  const { kind, namespace = '', name = '' } = call.target;
  const { object } = await findPresent<Pod>(reader, kind, keyOf(namespace, name));
  const request = logRequestOf(object, call.query);
  if (!request) return answer(call, textAnswer(200, ''));
  // Who left while the pod was looked for is not told of again.
  if (call.response.destroyed) return;
  const left = new AbortController();
  const leave = call.onServerClose(() => left.abort());
  call.response.once('close', () => left.abort());
  try {
    await stream(call, await tunnels.log(request, left.signal), left.signal);
  } finally {
    leave();
  }
};
