/**
 * Which pods of a node a drain moves away, and which it must not touch without being told: kubectl's rules. Pure.
 *
 * Pods of a DaemonSet would come back at once, since cordoning does not keep them away; a pod with an emptyDir loses what is in it; nobody
 * makes a pod again that has no controller. Mirror pods belong to the node's own files. What has finished goes in any case.
 */
import type { Pod } from '../proto/resources/kubernetes.ts';
import { controllerOf, objectKey } from '../proto/resources/meta.ts';
import { isTerminal } from '../proto/resources/pod.ts';

export interface DrainRules {
  readonly ignoreDaemonsets: boolean;
  readonly deleteEmptydirData: boolean;
  readonly force: boolean;
}

export interface DrainPlan {
  readonly evicted: readonly Pod[];
  /** What forbids the drain, with the flag that allows it; nothing may be evicted while there is one. */
  readonly refusals: readonly string[];
  /** What a person may not expect and allowed all the same. */
  readonly warnings: readonly string[];
}

const mirrorAnnotation = 'kubernetes.io/config.mirror';

const isMirror = ({ metadata }: Pod): boolean => metadata.annotations?.[mirrorAnnotation] !== undefined;

const isOfDaemonSet = (pod: Pod): boolean => controllerOf(pod)?.kind === 'DaemonSet' && !isTerminal(pod);

const hasLocalData = (pod: Pod): boolean => !isTerminal(pod) && (pod.spec?.volumes ?? []).some(({ emptyDir }) => emptyDir !== undefined);

const isAlone = (pod: Pod): boolean => !isTerminal(pod) && controllerOf(pod) === undefined;

/** `default/a, default/b` */
const namesOf = (pods: readonly Pod[]): string => pods.map(objectKey).join(', ');

export const planDrain = (pods: readonly Pod[], rules: DrainRules): DrainPlan => {
  const own = pods.filter((pod) => !isMirror(pod));
  const [daemons, rest] = [own.filter(isOfDaemonSet), own.filter((pod) => !isOfDaemonSet(pod))];
  const [local, alone] = [rest.filter(hasLocalData), rest.filter(isAlone)];
  const refusals: string[] = [];
  const warnings: string[] = [];
  const judge = (found: readonly Pod[], isAllowed: boolean, refusal: string, warning: string): void => {
    if (found.length > 0) (isAllowed ? warnings : refusals).push(`${isAllowed ? warning : refusal}: ${namesOf(found)}`);
  };
  judge(daemons, rules.ignoreDaemonsets, 'pods of a DaemonSet would come back at once (--ignore-daemonsets leaves them)', 'pods of a DaemonSet stay');
  judge(local, rules.deleteEmptydirData, 'pods would lose what is in their emptyDir volumes (--delete-emptydir-data evicts them)', 'pods lose what is in their emptyDir volumes');
  judge(alone, rules.force, 'nobody makes pods without a controller again (--force evicts them)', 'pods without a controller go for good');
  return { evicted: rest, refusals, warnings };
};
