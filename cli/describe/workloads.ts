/** Deployments and ReplicaSets. */
import { podKind, replicaSetKind } from '../../proto/kinds.ts';
import type { Deployment, Pod, PodTemplateSpec, ReplicaSet } from '../../proto/resources/kubernetes.ts';
import { controllerOf } from '../../proto/resources/meta.ts';
import { selectorText } from '../../proto/resources/selector.ts';
import { newestTrouble } from '../pod-trouble.ts';
import { revisionsOf } from '../rollout-history.ts';
import { rolloutState } from '../rollout-state.ts';
import { containersEntry, volumesEntry } from './container.ts';
import { conditionRows, type Entry, pairLines } from './layout.ts';
import { type Describer, headEntries, type Subject } from './subject.ts';

const podsOf = async ({ object, client }: Subject<Deployment> | Subject<ReplicaSet>): Promise<readonly Pod[]> =>
  (await client.list<Pod>(podKind, { namespace: object.metadata.namespace ?? '', labelSelector: selectorText(object.spec?.selector) })).items;

const templateEntry = (template: PodTemplateSpec | undefined, nowMs: number): Entry => [
  'Pod Template',
  {
    entries: [
      ['Labels', pairLines(template?.metadata?.labels)],
      ['Annotations', template?.metadata?.annotations ? pairLines(template.metadata.annotations, ': ') : undefined],
      containersEntry('Init Containers', template?.spec?.initContainers, undefined, nowMs),
      containersEntry('Containers', template?.spec?.containers, undefined, nowMs),
      volumesEntry(template?.spec?.volumes),
    ],
  },
];

const strategyText = (spec: Deployment['spec']): string => {
  const { type = 'RollingUpdate', rollingUpdate } = spec?.strategy ?? {};
  return rollingUpdate ? `${type}: at most ${String(rollingUpdate.maxUnavailable)} unavailable, ${String(rollingUpdate.maxSurge)} surplus` : type;
};

export const describeDeployment: Describer<Deployment> = async (subject) => {
  const { object, client, nowMs } = subject;
  const { spec, status } = object;
  const namespace = object.metadata.namespace ?? '';
  const { items } = await client.list<ReplicaSet>(replicaSetKind, { namespace, labelSelector: selectorText(spec?.selector) });
  return [
    ...headEntries(subject),
    ['Selector', selectorText(spec?.selector)],
    ['Replicas', `${spec?.replicas ?? 1} desired, ${status?.updatedReplicas ?? 0} updated, ${status?.replicas ?? 0} total, ${status?.availableReplicas ?? 0} available, ${status?.unavailableReplicas ?? 0} unavailable`],
    ['Rollout', spec?.paused ? 'paused' : rolloutState(object).text],
    ['Trouble', newestTrouble(await podsOf(subject))],
    ['Strategy', strategyText(spec)],
    ['Min Ready', spec?.minReadySeconds ? `${spec.minReadySeconds}s` : undefined],
    templateEntry(spec?.template, nowMs),
    ['Conditions', conditionRows(status?.conditions, nowMs)],
    ['ReplicaSets', {
      rows: [
        ['Revision', 'Name', 'Desired', 'Ready', 'Change-Cause'],
        ...revisionsOf(object, items).map(({ number, replicaSet, changeCause }) => [
          String(number), replicaSet.metadata.name ?? '', String(replicaSet.spec?.replicas ?? 0), String(replicaSet.status?.readyReplicas ?? 0), changeCause ?? '<none>',
        ]),
      ],
    }],
  ];
};

export const describeReplicaSet: Describer<ReplicaSet> = async (subject) => {
  const { object, nowMs } = subject;
  const { spec, status } = object;
  const pods = (await podsOf(subject)).filter((pod) => controllerOf(pod)?.uid === object.metadata.uid);
  return [
    ...headEntries(subject),
    ['Selector', selectorText(spec?.selector)],
    ['Replicas', `${status?.replicas ?? 0} current / ${spec?.replicas ?? 1} desired`],
    ['Pods', Object.entries(Object.groupBy(pods, (pod) => pod.status?.phase ?? 'Pending')).map(([phase, some]) => `${some?.length ?? 0} ${phase}`).join(', ') || 'none'],
    ['Trouble', newestTrouble(pods)],
    templateEntry(spec?.template, nowMs),
    ['Conditions', status?.conditions?.length ? conditionRows(status.conditions, nowMs) : undefined],
  ];
};
