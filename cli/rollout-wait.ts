/** Waits until a Deployment's rollout is done (or a ReplicaSet has its replicas), and knows why it is stuck when it is. */
import type { Client } from '../proto/client.ts';
import { notFound } from '../proto/errors.ts';
import { deploymentKind, type Kind, podKind } from '../proto/kinds.ts';
import { conditionOf } from '../proto/resources/conditions.ts';
import type { Deployment, Pod, ReplicaSet } from '../proto/resources/kubernetes.ts';
import { selectorText } from '../proto/resources/selector.ts';
import { follow } from './follow.ts';
import { newestTrouble } from './pod-trouble.ts';
import type { Program } from './program.ts';
import { replicaSetState, type RolloutState, rolloutState } from './rollout-state.ts';
import { withLimits } from './waiting.ts';

/** A rollout that did not get there; its message ends with the reason, when there is one. */
export class RolloutStuck extends Error {
  override readonly name = 'RolloutStuck';
}

export interface RolloutWait {
  readonly client: Client;
  readonly program: Program;
  /** Deployment or ReplicaSet. */
  readonly kind: Kind;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly timeoutMs: number | undefined;
  /** Called whenever how it stands changes. `trouble` is what holds it up, as far as pods tell. */
  readonly onState: (state: RolloutState, trouble: string | undefined) => void;
}

/** Ends when the rollout is done. Throws RolloutStuck, TooLate, ApiError. */
export const waitForRollout = ({ client, program, kind, namespace, name, timeoutMs, onState }: RolloutWait): Promise<RolloutState> => {
  let state: RolloutState | undefined;
  let trouble: string | undefined;
  let failure: string | undefined;
  const because = (): string => (trouble ?? failure ? `; ${trouble ?? failure}` : '');
  const show = (): void => {
    if (state) onState(state, trouble ?? failure);
  };
  const watchPods = async ({ spec }: Deployment | ReplicaSet, signal: AbortSignal): Promise<void> => {
    const selection = { ...(namespace ? { namespace } : {}), labelSelector: selectorText(spec?.selector) };
    for await (const pods of follow<Pod>(client, podKind, selection, signal)) {
      trouble = newestTrouble(pods.values());
      show();
    }
  };
  const watchOwner = async (signal: AbortSignal, onFirst: (object: Deployment | ReplicaSet) => void): Promise<RolloutState> => {
    let isFirst = true;
    const selection = { ...(namespace ? { namespace } : {}), fieldSelector: `metadata.name=${name}` };
    for await (const found of follow<Deployment | ReplicaSet>(client, kind, selection, signal)) {
      const [object] = found.values();
      if (!object) throw notFound(kind, name);
      state = kind === deploymentKind ? rolloutState(object as Deployment) : replicaSetState(object as ReplicaSet);
      const replicaFailure = conditionOf<{ type: string; status: string; message?: string }>(object.status, 'ReplicaFailure');
      failure = replicaFailure?.status === 'True' ? replicaFailure.message : undefined;
      show();
      if (state.phase === 'done') return state;
      if (state.phase === 'failed') throw new RolloutStuck(`${state.text}${because()}`);
      if (isFirst) onFirst(object);
      isFirst = false;
    }
    signal.throwIfAborted();
    throw new RolloutStuck(`${name} is not followed any more`);
  };
  return withLimits(program, { timeoutMs, lateText: () => `${kind.singular} "${name}" is not rolled out after ${(timeoutMs ?? 0) / 1000} s (${state?.short ?? 'nothing seen'})${because()}` }, async (signal) => {
    let pods: Promise<void> | undefined;
    return watchOwner(signal, (owner) => {
      // Pods only explain; that they cannot be read does not end the wait.
      pods ??= watchPods(owner, signal).catch(() => undefined);
    });
  });
};
