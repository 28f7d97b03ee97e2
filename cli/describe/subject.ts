/** What every describer gets, and the parts that all descriptions share. */
import type { Client } from '../../proto/client.ts';
import type { Event, KubeObject } from '../../proto/resources/kubernetes.ts';
import { controllerOf } from '../../proto/resources/meta.ts';
import { eventsNewestLast, eventTime } from '../event-order.ts';
import { type Entry, pairLines, sinceText, timeText } from './layout.ts';

export interface Subject<T extends KubeObject = KubeObject> {
  readonly object: T;
  readonly events: readonly Event[];
  readonly client: Client;
  readonly nowMs: number;
}

/** The entries that describe an object, its events not among them. May ask the server for what belongs to it. */
export type Describer<T extends KubeObject> = (subject: Subject<T>) => Promise<readonly Entry[]> | readonly Entry[];

export const headEntries = ({ object, nowMs }: Subject): readonly Entry[] => {
  const { metadata } = object;
  const owner = controllerOf(object);
  return [
    ['Name', metadata.name ?? ''],
    ['Namespace', metadata.namespace],
    ['Created', timeText(metadata.creationTimestamp, nowMs)],
    ['Labels', pairLines(metadata.labels)],
    ['Annotations', pairLines(metadata.annotations, ': ')],
    ['Controlled By', owner && `${owner.kind}/${owner.name}`],
    ['Deleted', metadata.deletionTimestamp ? `${timeText(metadata.deletionTimestamp, nowMs)}, grace ${metadata.deletionGracePeriodSeconds ?? 0}s` : undefined],
    ['Finalizers', metadata.finalizers?.length ? metadata.finalizers : undefined],
  ];
};

const eventAge = (event: Event, nowMs: number): string => {
  const count = event.series?.count ?? event.count ?? 1;
  const last = sinceText(eventTime(event), nowMs);
  return count > 1 ? `${last} (x${count} over ${sinceText(event.firstTimestamp ?? event.eventTime, nowMs)})` : last;
};

export const eventsEntry = ({ events, nowMs }: Pick<Subject, 'events' | 'nowMs'>): Entry => [
  'Events',
  {
    rows: [
      ['Type', 'Reason', 'Age', 'From', 'Message'],
      ...eventsNewestLast(events).map((event) => [
        event.type ?? '', event.reason ?? '', eventAge(event, nowMs), event.source?.component || event.reportingComponent || '', (event.message ?? '').trim().replaceAll(/\s*\n\s*/g, ' '),
      ]),
    ],
  },
];
