/** Why a pod does not serve, in a few words. Pure. */
import { conditionOf } from '../proto/resources/conditions.ts';
import type { ContainerStatus, Pod } from '../proto/resources/kubernetes.ts';

const troublesome = new Set([
  'ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'CrashLoopBackOff', 'CreateContainerConfigError',
  'CreateContainerError', 'RunContainerError',
]);

const endText = ({ lastState, state }: ContainerStatus): string => {
  const end = state?.terminated ?? lastState?.terminated;
  if (!end) return '';
  const how = end.signal ? `signal ${end.signal}` : `exit code ${end.exitCode}`;
  return end.reason && end.reason !== 'Error' && end.reason !== 'Completed' ? `${end.reason}, ${how}` : how;
};

const containerTrouble = (status: ContainerStatus): string | undefined => {
  const { waiting, terminated } = status.state ?? {};
  if (waiting?.reason && troublesome.has(waiting.reason)) {
    const detail = waiting.reason === 'CrashLoopBackOff' ? `it ends with ${endText(status) || 'an error'}, restarted ${status.restartCount} times` : waiting.message;
    return `container ${status.name}: ${waiting.reason}${detail ? `: ${detail}` : ''}`;
  }
  if (terminated && terminated.exitCode !== 0) return `container ${status.name} ended with ${endText(status)}`;
  return undefined;
};

/** `pod/hello-x: container web: ErrImagePull: …`; undefined when nothing seems wrong. */
export const troubleOf = (pod: Pod): string | undefined => {
  const at = (text: string | undefined): string => `pod/${pod.metadata.name}: ${text ?? ''}`.replaceAll(/\s*\n\s*/g, ' ');
  const scheduled = conditionOf(pod.status, 'PodScheduled');
  if (scheduled?.status === 'False') return at(`${scheduled.reason ?? 'Unschedulable'}: ${scheduled.message ?? 'no node takes it'}`);
  if (pod.status?.phase === 'Failed') return at(`it failed${pod.status.reason ? `: ${pod.status.reason}` : ''}${pod.status.message ? `: ${pod.status.message}` : ''}`);
  const trouble = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])].map(containerTrouble).find((text) => text !== undefined);
  return trouble === undefined ? undefined : at(trouble);
};

/** The trouble of the newest pod that has any: what is being rolled out now, not what is being replaced. */
export const newestTrouble = (pods: Iterable<Pod>): string | undefined =>
  [...pods]
    .filter((pod) => !pod.metadata.deletionTimestamp)
    .toSorted((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))
    .map(troubleOf)
    .find((text) => text !== undefined);
