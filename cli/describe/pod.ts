/** A pod: what its containers do, and why it is where it is. */
import { conditionOf } from '../../proto/resources/conditions.ts';
import type { Pod, Toleration } from '../../proto/resources/kubernetes.ts';
import { containersEntry, selectorLines, volumesEntry } from './container.ts';
import { conditionRows, type Entry, timeText } from './layout.ts';
import { type Describer, headEntries, type Subject } from './subject.ts';

/** Why it is there, or on no node: the scheduler's own words. */
const placement = ({ object }: Subject<Pod>): string | undefined => {
  const scheduled = conditionOf<{ type: string; status: string; reason?: string; message?: string }>(object.status, 'PodScheduled');
  if (scheduled?.status === 'False') return `on no node yet: ${scheduled.message ?? scheduled.reason ?? ''}`;
  if (!object.spec?.nodeName) return 'waits for the scheduler';
  if (scheduled) return `on ${object.spec.nodeName}${scheduled.message ? `: ${scheduled.message}` : ''}`;
  return `on ${object.spec.nodeName}: the pod itself names it`;
};

const statusText = ({ status, metadata }: Pod): string => {
  const phase = metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? 'Pending');
  return [phase, status?.reason, status?.message].filter(Boolean).join(': ');
};

const tolerationText = ({ key, operator, value, effect, tolerationSeconds }: Toleration): string =>
  `${key ?? ''}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}${operator === 'Exists' ? ' op=Exists' : ''}${tolerationSeconds === undefined || tolerationSeconds === null ? '' : ` for ${tolerationSeconds}s`}`;

export const describePod: Describer<Pod> = (subject) => {
  const { object, nowMs } = subject;
  const { spec, status } = object;
  return [
    ...headEntries(subject),
    ['Status', statusText(object)],
    ['Node', spec?.nodeName ? `${spec.nodeName}${status?.hostIP ? `/${status.hostIP}` : ''}` : '<none>'],
    ['Placement', placement(subject)],
    ['Started', timeText(status?.startTime, nowMs)],
    ['IP', status?.podIP ?? ''],
    ['Service Account', spec?.serviceAccountName || undefined],
    ['Restart Policy', spec?.restartPolicy ?? undefined],
    ['QoS Class', status?.qosClass ?? undefined],
    ['Priority', spec?.priority ? String(spec.priority) : undefined],
    ['Node-Selectors', selectorLines(spec?.nodeSelector)],
    ['Tolerations', spec?.tolerations?.length ? spec.tolerations.map(tolerationText) : '<none>'],
    containersEntry('Init Containers', spec?.initContainers, status?.initContainerStatuses, nowMs),
    containersEntry('Containers', spec?.containers, status?.containerStatuses, nowMs),
    ['Conditions', conditionRows(status?.conditions, nowMs)],
    volumesEntry(spec?.volumes),
  ] satisfies readonly Entry[];
};
