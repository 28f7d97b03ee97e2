/** How far a Deployment's rollout is, in kubectl's words. Pure. */
import type { Deployment, ReplicaSet } from '../proto/resources/kubernetes.ts';
import { conditionOf } from '../proto/resources/conditions.ts';

export interface RolloutState {
  readonly phase: 'going' | 'done' | 'failed';
  readonly text: string;
  /** For people who watch: `3/5 ready`. */
  readonly short: string;
}

/** The rules of `kubectl rollout status`. */
export const rolloutState = (deployment: Deployment): RolloutState => {
  const { metadata, spec, status } = deployment;
  const name = `deployment "${metadata.name}"`;
  const wanted = spec?.replicas ?? 1;
  const [total, updated, available] = [status?.replicas ?? 0, status?.updatedReplicas ?? 0, status?.availableReplicas ?? 0];
  const ready = `${Math.min(available, wanted)}/${wanted} ready`;
  // Nobody goes on with a paused rollout but a person; whoever waits should see that.
  const paused = spec?.paused ? ', paused' : '';
  const going = (text: string, short = ready): RolloutState => ({ phase: 'going', text: `Waiting for ${name} rollout to finish: ${text}...`, short: `${short}${paused}` });
  if ((metadata.generation ?? 0) > (status?.observedGeneration ?? 0)) {
    return { phase: 'going', text: 'Waiting for deployment spec update to be observed...', short: 'waiting for the controller' };
  }
  if (conditionOf(status, 'Progressing')?.reason === 'ProgressDeadlineExceeded') {
    return { phase: 'failed', text: `${name} exceeded its progress deadline`, short: ready };
  }
  if (updated < wanted) return going(`${updated} out of ${wanted} new replicas have been updated`, total > updated ? `${updated}/${wanted} replaced, ${ready}` : ready);
  if (total > updated) return going(`${total - updated} old replicas are pending termination`, `${ready}, ${total - updated} old to end`);
  if (available < updated) return going(`${available} of ${updated} updated replicas are available`);
  return { phase: 'done', text: `${name} successfully rolled out`, short: ready };
};

/** A ReplicaSet rolls nothing out, but it too has as many replicas as wanted, or not yet. */
export const replicaSetState = ({ metadata, spec, status }: ReplicaSet): RolloutState => {
  const wanted = spec?.replicas ?? 1;
  const [total, available] = [status?.replicas ?? 0, status?.availableReplicas ?? 0];
  const name = `replicaset "${metadata.name}"`;
  const short = `${Math.min(available, wanted)}/${wanted} ready`;
  const isSeen = (metadata.generation ?? 0) <= (status?.observedGeneration ?? 0);
  if (isSeen && total === wanted && available === wanted) return { phase: 'done', text: `${name} has ${wanted} replicas`, short };
  return { phase: 'going', text: `Waiting for ${name}: ${available} of ${wanted} replicas are available...`, short };
};
