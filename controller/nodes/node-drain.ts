/**
 * Empties a node whose agent is about to end and asked for it: cordons it, and evicts its pods as their disruption budgets allow.
 *
 *     agent: Drain ──► cordoned, and noted as ours ──► pods evicted ──► none left ──► Drained: agent ends
 *     agent: Hello ──► the note is there ──► uncordoned
 *
 * All of them go, whatever they keep on the node: it is about to be without anybody who looks after them. Finished pods, mirror pods
 * and those of a DaemonSet stay, as with a drain by hand.
 */
import { isApiError } from '../../proto/errors.ts';
import { nodeKind, podKind } from '../../proto/kinds.ts';
import type { Clock } from '../../proto/process/clock.ts';
import type { Node, Pod } from '../../proto/resources/kubernetes.ts';
import { controllerOf, isBeingDeleted } from '../../proto/resources/meta.ts';
import { isTerminal } from '../../proto/resources/pod.ts';
import type { Verbs, WriteOptions } from '../api/verbs.ts';
import { evictionRetryAfterSeconds } from '../limits.ts';
import type { Reader } from '../store/reader.ts';
import type { Stored } from '../store/stored.ts';
import { isPassing } from './passing-failure.ts';

/** On a node that was cordoned for its agent's end, so that the agent's return undoes it; a person's cordon stays. */
export const drainedAnnotation = 'berth.dev/cordoned-for-shutdown';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

/** Cordoned, with the note; undefined where somebody else did it before. Pure. */
export const cordoned = (node: Node): Node | undefined => {
  if (node.spec?.unschedulable === true) return undefined;
  const { metadata, spec } = node;
  return { ...node, metadata: { ...metadata, annotations: { ...metadata.annotations, [drainedAnnotation]: 'true' } }, spec: { ...spec, unschedulable: true } };
};

/** As before the drain; undefined where it was cordoned for another reason or not at all. Pure. */
export const uncordoned = (node: Node): Node | undefined => {
  if (node.metadata.annotations?.[drainedAnnotation] === undefined) return undefined;
  const { [drainedAnnotation]: _note, ...annotations } = node.metadata.annotations;
  const { unschedulable: _before, ...spec } = node.spec ?? {};
  return { ...node, metadata: { ...node.metadata, annotations }, spec };
};

const mayStay = (pod: Pod): boolean =>
  (isTerminal(pod) && !isBeingDeleted(pod)) || controllerOf(pod)?.kind === 'DaemonSet' || pod.metadata.annotations?.[mirrorAnnotation] !== undefined;

export interface NodeDrainParts {
  readonly reader: Reader;
  readonly verbs: Verbs;
  readonly clock: Clock;
  /** The node's own. */
  readonly options: WriteOptions;
}

export class NodeDrain {
  readonly #nodeName: string;
  readonly #parts: NodeDrainParts;
  /** Uids of pods whose eviction is under way. */
  readonly #evicting = new Set<string>();

  constructor(nodeName: string, parts: NodeDrainParts) {
    this.#nodeName = nodeName;
    this.#parts = parts;
  }

  /** Resolves when no pod is left that has to go. Throws ApiError, the signal's reason. */
  async run(signal: AbortSignal): Promise<void> {
    const { reader, verbs, options } = this.#parts;
    await verbs.modify<Node>(nodeKind, this.#nodeName, cordoned, options);
    // One that aborted meanwhile says so to nobody who listens from now on.
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    const look = (): void => {
      const left = this.#left();
      if (left.length === 0) resolve();
      for (const stored of left) this.#evict(stored, signal).catch(reject);
    };
    // Also those that the scheduler had just sent here.
    const subscription = reader.subscribe([podKind], (changes) => {
      if (changes.some(({ stored }) => (stored.object as Pod).spec?.nodeName === this.#nodeName)) look();
    });
    try {
      look();
      await promise;
    } finally {
      subscription.close();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #left(): readonly Stored<Pod>[] {
    return this.#parts.reader.indexed<Pod>(podKind, 'node', this.#nodeName).filter(({ object }) => !mayStay(object));
  }

  /** Asks again until the budgets allow it, or the pod has gone by itself. */
  async #evict({ key, object: { metadata: { namespace = '', name = '', uid = '' } } }: Stored<Pod>, signal: AbortSignal): Promise<void> {
    const { reader, verbs, clock, options } = this.#parts;
    if (this.#evicting.has(uid)) return;
    this.#evicting.add(uid);
    while (!signal.aborted && reader.get(podKind, key)?.object.metadata.uid === uid) {
      try {
        await verbs.evict(namespace, name, { ...options, preconditions: { uid } });
        return;
      } catch (error) {
        if (isApiError(error, 'NotFound')) return;
        if (!isPassing(error)) throw error;
        await clock.sleep(evictionRetryAfterSeconds * 1_000, signal).catch(() => undefined);
      }
    }
  }
}
