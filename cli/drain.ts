/**
 * Moves the work off a node that is cordoned: evicts its pods as their disruption budgets allow, until they are gone.
 *
 *     list ──► plan ──► evict each ──► 429: a budget does not allow it yet; again when the server says
 *       └────► watch ─────────────────────────────────────────────► gone ──► done when none is left
 */
import type { Client } from '../proto/client.ts';
import { type ApiError, isApiError } from '../proto/errors.ts';
import { podKind } from '../proto/kinds.ts';
import type { Clock } from '../proto/process/clock.ts';
import type { Pod } from '../proto/resources/kubernetes.ts';
import { objectKey, objectPath } from '../proto/resources/meta.ts';
import { type DrainRules, planDrain } from './drain-plan.ts';
import { Refused } from './errors.ts';
import { follow } from './follow.ts';

export interface DrainOptions extends DrainRules {
  /** Instead of what each pod says itself. */
  readonly gracePeriodSeconds?: number;
  /** Only pods with these labels. */
  readonly podSelector?: string;
  /** `client` asks nobody, `server` asks and changes nothing; both wait for nothing. */
  readonly dryRun: 'none' | 'client' | 'server';
}

/** What the one who waits is told. */
export interface DrainNews {
  warning(text: string): void;
  evicting(pod: Pod): void;
  /** Its eviction has to wait; told when the reason is another. */
  waiting(pod: Pod, why: string): void;
  gone(pod: Pod): void;
}

export interface DrainParts {
  readonly client: Client;
  readonly clock: Clock;
  readonly news: DrainNews;
}

/** Where the server does not say. */
const evictionRetrySeconds = 1;

const selectionOf = (node: string, podSelector?: string) => ({ fieldSelector: `spec.nodeName=${node}`, ...(podSelector ? { labelSelector: podSelector } : {}) });

export const podsOn = async (client: Client, node: string): Promise<readonly Pod[]> => (await client.list<Pod>(podKind, selectionOf(node))).items;

/** Which budget does not allow it, in the server's words. */
const reasonOf = ({ message, details }: ApiError): string => details?.causes?.map((cause) => cause.message).filter(Boolean).join('; ') || message;

/** Evicts as soon as the budgets allow it, unless it goes by itself. Throws ApiError, ConnectionError, the signal's reason. */
const evict = async (pod: Pod, isLeft: () => boolean, options: DrainOptions, { client, clock, news }: DrainParts, signal: AbortSignal): Promise<void> => {
  const { name = '', namespace = '', uid } = pod.metadata;
  const deleteOptions = {
    ...(uid ? { preconditions: { uid } } : {}),
    ...(options.gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds: options.gracePeriodSeconds }),
    ...(options.dryRun === 'server' ? { dryRun: ['All'] } : {}),
  };
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace }, deleteOptions };
  for (let told = ''; isLeft(); ) {
    try {
      await client.json('POST', objectPath(podKind, namespace, name, 'eviction'), { body, signal });
      return;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return;
      if (!isApiError(error, 'TooManyRequests') && !isApiError(error, 'Conflict')) throw error;
      const why = reasonOf(error);
      if (why !== told) news.waiting(pod, why);
      told = why;
      if (options.dryRun === 'server') return;
      await clock.sleep((error.details?.retryAfterSeconds ?? evictionRetrySeconds) * 1000, signal);
    }
  }
};

/**
 * Resolves when the pods that the node had at the start are gone; it has to be cordoned before. Where one cannot be evicted no other
 * is tried any more. Throws Refused when a pod must not be evicted, ApiError, ConnectionError, the signal's reason.
 */
export const drainNode = async (node: string, options: DrainOptions, parts: DrainParts, signal: AbortSignal): Promise<void> => {
  const over = new AbortController();
  try {
    await drainUntil(node, options, parts, AbortSignal.any([signal, over.signal]));
  } finally {
    over.abort();
  }
};

const drainUntil = async (node: string, options: DrainOptions, parts: DrainParts, signal: AbortSignal): Promise<void> => {
  const { client, news } = parts;
  const selection = selectionOf(node, options.podSelector);
  const { evicted, refusals, warnings } = planDrain((await client.list<Pod>(podKind, selection, { signal })).items, options);
  if (refusals.length > 0) throw new Refused(refusals.join('\n'));
  for (const warning of warnings) news.warning(warning);
  const left = new Map(evicted.map((pod) => [objectKey(pod), pod]));
  const waitUntilGone = async (): Promise<void> => {
    if (left.size === 0) return;
    for await (const pods of follow<Pod>(client, podKind, selection, signal)) {
      for (const [key, pod] of left) {
        if (pods.get(key)?.metadata.uid === pod.metadata.uid) continue;
        left.delete(key);
        news.gone(pod);
      }
      if (left.size === 0) return;
    }
    signal.throwIfAborted();
  };
  for (const pod of evicted) news.evicting(pod);
  if (options.dryRun === 'client') return;
  const evictions = evicted.map((pod) => evict(pod, () => left.has(objectKey(pod)), options, parts, signal));
  await Promise.all([...evictions, ...(options.dryRun === 'none' ? [waitUntilGone()] : [])]);
};
