/** Reads the logs of pods: once, or for as long as the pods live and new ones come. */
import type { Client, Query, Selection } from '../proto/client.ts';
import { notFound } from '../proto/errors.ts';
import { podKind } from '../proto/kinds.ts';
import type { ContainerStatus, Pod } from '../proto/resources/kubernetes.ts';
import { objectPath } from '../proto/resources/meta.ts';
import { follow } from './follow.ts';
import { Refused } from './errors.ts';
import { LogLines } from './log-lines.ts';
import type { Program } from './program.ts';

/** Streams at once; more pods than this are for a log collector. */
export const logStreamsMax = 100;

export interface LogRequest {
  readonly client: Client;
  readonly program: Program;
  /** Undefined: the default container; empty: all of them. */
  readonly container: string | undefined;
  readonly allContainers: boolean;
  readonly query: Query;
  /** Whether each line says which pod and container it is of; undefined: when there are several. */
  readonly prefix: boolean | undefined;
}

const defaultContainerAnnotation = 'kubectl.kubernetes.io/default-container';

/** Throws Refused, naming the containers there are. */
export const containersOf = (pod: Pod, { container, allContainers }: Pick<LogRequest, 'container' | 'allContainers'>): readonly string[] => {
  const inits = (pod.spec?.initContainers ?? []).map(({ name }) => name);
  const containers = (pod.spec?.containers ?? []).map(({ name }) => name);
  if (allContainers) return [...inits, ...containers];
  if (container !== undefined) {
    if (![...inits, ...containers].includes(container)) throw new Refused(`pod "${pod.metadata.name}" has no container "${container}"; it has: ${[...containers, ...inits].join(', ')}`);
    return [container];
  }
  const annotated = pod.metadata.annotations?.[defaultContainerAnnotation];
  const first = annotated && containers.includes(annotated) ? annotated : containers[0];
  return first === undefined ? [] : [first];
};

const linesFor = (request: LogRequest, pod: Pod, container: string, several: boolean): LogLines =>
  new LogLines(request.prefix ?? several ? `[pod/${pod.metadata.name}/${container}] ` : '', (bytes) => request.program.stdout.write(bytes));

const pass = async (request: LogRequest, pod: Pod, container: string, several: boolean, query: Query, signal: AbortSignal): Promise<void> => {
  const lines = linesFor(request, pod, container, several);
  const path = objectPath(podKind, pod.metadata.namespace, pod.metadata.name ?? '', 'log');
  try {
    for await (const chunk of request.client.stream(path, { query: { ...query, container }, signal })) {
      lines.push(chunk);
      await request.program.flushed();
    }
  } finally {
    lines.end();
  }
};

/** One after the other. What one pod refuses does not keep the others from being read: `onRefused` is told. */
export const readLogs = async (request: LogRequest, pods: readonly Pod[], onRefused: (error: unknown) => void): Promise<void> => {
  const wanted = pods.flatMap((pod) => containersOf(pod, request).map((container) => ({ pod, container })));
  for (const { pod, container } of wanted) {
    try {
      await pass(request, pod, container, wanted.length > 1, request.query, request.program.signal);
    } catch (error) {
      if (request.program.signal.aborted) throw error;
      onRefused(error);
    }
  }
};

const statusesOf = ({ status }: Pod): readonly ContainerStatus[] => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];

const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/**
 * All selected pods as they come and go, each container from its start, each restart anew. With `one`, a pod's name,
 * ends when that pod has ended; otherwise only with the signal.
 */
export const followLogs = async (request: LogRequest, selection: Selection, one: string | undefined, onRefused: (error: unknown) => void): Promise<void> => {
  const { client, program } = request;
  const streams = new Map<string, Promise<void>>();
  const seen = new Set<string>();
  let isFirst = true;
  for await (const pods of follow<Pod>(client, podKind, selection, program.signal)) {
    if (isFirst && one !== undefined && pods.size === 0) throw notFound(podKind, one);
    for (const pod of pods.values()) {
      const wanted = containersOf(pod, request);
      for (const container of wanted) {
        const status = statusesOf(pod).find(({ name }) => name === container);
        const run = `${pod.metadata.uid}/${container}/${status?.restartCount ?? 0}`;
        const hasStarted = status?.state?.running !== undefined || status?.state?.terminated !== undefined;
        if (!hasStarted || seen.has(run) || streams.size >= logStreamsMax) continue;
        seen.add(run);
        // Only what is there at the beginning is cut to its last lines; what comes later is wanted whole.
        const query = { ...(isFirst ? request.query : { timestamps: request.query['timestamps'] }), follow: true };
        streams.set(run, pass(request, pod, container, one === undefined || wanted.length > 1, query, program.signal)
          .catch(onRefused)
          .finally(() => streams.delete(run)));
      }
    }
    isFirst = false;
    if (one !== undefined && [...pods.values()].every(isOver)) {
      await Promise.all(streams.values());
      return;
    }
  }
};
