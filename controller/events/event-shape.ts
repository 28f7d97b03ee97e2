/** An Event as Kubernetes shapes it. Pure. */
import { timestamp } from '../../proto/process/clock.ts';
import type { Event, KubeObject, ObjectReference } from '../../proto/resources/kubernetes.ts';
import { objectReference } from '../../proto/resources/meta.ts';
import type { EventSource, EventType } from './recorder.ts';

/** What one call of the recorder tells. */
export interface Occurrence {
  readonly about: ObjectReference;
  readonly type: EventType;
  readonly reason: string;
  readonly message: string;
  readonly source: EventSource;
}

/** Events about what has no namespace are kept here. */
const defaultNamespace = 'default';
/** The API accepts no longer messages. */
const messageCharactersMax = 1_024;

export const referenceTo = (about: KubeObject | ObjectReference): ObjectReference =>
  'metadata' in about ? objectReference(about as KubeObject) : about;

export const namespaceOf = ({ about }: Occurrence): string => about.namespace || defaultNamespace;

/** Equal for occurrences that are repetitions of each other. */
export const samenessOf = ({ about, type, reason, message, source }: Occurrence): string =>
  JSON.stringify([source.component, source.host, about.kind, about.namespace, about.name, about.uid, about.fieldPath, type, reason, message]);

/** Equal for what shares one allowance: one component speaking about one object. */
export const speakerOf = ({ about, source }: Occurrence): string =>
  JSON.stringify([source.component, source.host, about.kind, about.namespace, about.name, about.uid]);

/** @param suffix hexadecimal, unique among the events about the object */
export const newEvent = (occurrence: Occurrence, suffix: string, count: number, firstMs: number, lastMs: number): Event => {
  const { about, type, reason, message, source } = occurrence;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${about.name}.${suffix}`, namespace: namespaceOf(occurrence) },
    involvedObject: about,
    type,
    reason,
    message: message.slice(0, messageCharactersMax),
    source: { component: source.component, ...(source.host ? { host: source.host } : {}) },
    firstTimestamp: timestamp(firstMs),
    lastTimestamp: timestamp(lastMs),
    count,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  };
};
